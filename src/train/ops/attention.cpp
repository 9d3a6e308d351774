#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "train/kernels/cpu_kernels.hpp"
#include "train/ops/attention_kernel.hpp"
#include "train/ops/composed_attention.hpp"
#include "train/ops/ops.hpp"
#include "train/ops/parallel.hpp"

namespace epicrisis::train::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// What backward needs besides tensors; travels through the autograd context.
struct AttentionPlan : torch::CustomClassHolder {
  RowOffsets query_offsets, key_offsets;
  AttentionSettings settings;  ///< Without the bias, which autograd keeps.
  bool bias_is_trained = false;

  std::int64_t sequences() const { return static_cast<std::int64_t>(query_offsets.size()) - 1; }
};
using PlanPointer = c10::intrusive_ptr<AttentionPlan>;

/// Columns of queries, keys and values (or of their gradients) in the tensors that hold them side by side.
struct Columns {
  Tensor query, key_value;
  std::int64_t key_column = 0, value_column = 0;
  Tensor bias;  ///< [B, H, distances] or undefined; for gradients each sequence adds to its own part.
};

AttentionRows rows_of(const Columns& columns, const AttentionPlan& plan, std::int64_t sequence,
                      std::int64_t head, std::int64_t head_dim) {
  const auto b = static_cast<std::size_t>(sequence);
  const std::int64_t query_begin = plan.query_offsets[b], key_begin = plan.key_offsets[b];
  AttentionRows rows;
  rows.queries = plan.query_offsets[b + 1] - query_begin;
  rows.keys = plan.key_offsets[b + 1] - key_begin;
  rows.head_dim = head_dim;
  rows.query_stride = columns.query.size(1);
  rows.key_stride = columns.key_value.size(1);
  rows.query = columns.query.data_ptr<float>() + query_begin * rows.query_stride + head * head_dim;
  float* key_value = columns.key_value.data_ptr<float>() + key_begin * rows.key_stride + head * head_dim;
  rows.key = key_value + columns.key_column;
  rows.value = key_value + columns.value_column;
  if (columns.bias.defined())
    rows.bias = columns.bias.data_ptr<float>() + sequence * columns.bias.stride(0) +
                head * columns.bias.stride(1) + plan.settings.bias.zero;
  return rows;
}

AttentionMask mask_of(const AttentionPlan& plan, std::int64_t task) {
  const auto& settings = plan.settings;
  return {static_cast<float>(settings.scale), settings.causal, 0,
          kernels::DropoutStream::create(settings.dropout.probability, settings.dropout.seed)
              .part(static_cast<std::uint64_t>(task))};
}

/// [N, D] outputs, and [H, N] log-sums for backward.
std::pair<Tensor, Tensor> run_forward(const Columns& columns, const AttentionPlan& plan, std::int64_t width) {
  const std::int64_t heads = plan.settings.heads, head_dim = width / heads, total = columns.query.size(0);
  Tensor out = at::empty({total, width}, columns.query.options());
  Tensor log_sums = at::empty({heads, total}, columns.query.options());
  for_each_task(plan.sequences() * heads, [&](std::int64_t task) {
    const std::int64_t sequence = task / heads, head = task % heads;
    const std::int64_t begin = plan.query_offsets[static_cast<std::size_t>(sequence)];
    attention_forward(rows_of(columns, plan, sequence, head, head_dim), mask_of(plan, task),
                      out.data_ptr<float>() + begin * width + head * head_dim, width,
                      log_sums.data_ptr<float>() + head * total + begin);
  });
  return {out, log_sums};
}

void run_backward(const Columns& columns, const Columns& gradients, const AttentionPlan& plan,
                  const Tensor& out, const Tensor& log_sums, const Tensor& out_gradient) {
  const std::int64_t width = out.size(1), total = out.size(0);
  const std::int64_t heads = plan.settings.heads, head_dim = width / heads;
  for_each_task(plan.sequences() * heads, [&](std::int64_t task) {
    const std::int64_t sequence = task / heads, head = task % heads;
    const std::int64_t begin = plan.query_offsets[static_cast<std::size_t>(sequence)];
    const std::int64_t first = begin * width + head * head_dim;
    attention_backward(rows_of(columns, plan, sequence, head, head_dim), mask_of(plan, task),
                       out.data_ptr<float>() + first, out_gradient.data_ptr<float>() + first, width,
                       log_sums.data_ptr<float>() + head * total + begin,
                       rows_of(gradients, plan, sequence, head, head_dim));
  });
}

struct SelfAttentionFunction : torch::autograd::Function<SelfAttentionFunction> {
  static Columns columns(const Tensor& packed, const Tensor& bias) {
    const std::int64_t width = packed.size(1) / 3;
    return {packed, packed, width, 2 * width, bias};
  }
  /// The one table of all sequences, as if each had its own.
  static Tensor for_each_sequence(const Tensor& bias, const AttentionPlan& plan) {
    return bias.defined() ? bias.unsqueeze(0).expand({plan.sequences(), -1, -1}) : bias;
  }
  static Tensor forward(AutogradContext* context, const Tensor& packed, const c10::optional<Tensor>& bias,
                        const PlanPointer& plan) {
    const Tensor table = bias.value_or(Tensor());
    auto [out, log_sums] =
        run_forward(columns(packed, for_each_sequence(table, *plan)), *plan, packed.size(1) / 3);
    context->save_for_backward({packed, out, log_sums, table});
    context->saved_data["plan"] = c10::IValue::make_capsule(plan);
    return out;
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto plan = context->saved_data["plan"].toCapsule();
    const auto& own = static_cast<const AttentionPlan&>(*plan);
    const Tensor& bias = saved[3];
    Tensor packed_gradient = at::empty_like(saved[0]);
    Tensor bias_gradient;
    if (own.bias_is_trained)
      bias_gradient = at::zeros({own.sequences(), bias.size(0), bias.size(1)}, bias.options());
    run_backward(columns(saved[0], for_each_sequence(bias, own)), columns(packed_gradient, bias_gradient),
                 own, saved[1], saved[2], gradients[0].contiguous());
    if (bias_gradient.defined()) bias_gradient = bias_gradient.sum(0);
    return {packed_gradient, bias_gradient, Tensor()};
  }
};

struct CrossAttentionFunction : torch::autograd::Function<CrossAttentionFunction> {
  static Columns columns(const Tensor& query, const Tensor& key_value) {
    return {query, key_value, 0, query.size(1), {}};
  }
  static Tensor forward(AutogradContext* context, const Tensor& query, const Tensor& key_value,
                        const PlanPointer& plan) {
    auto [out, log_sums] = run_forward(columns(query, key_value), *plan, query.size(1));
    context->save_for_backward({query, key_value, out, log_sums});
    context->saved_data["plan"] = c10::IValue::make_capsule(plan);
    return out;
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto plan = context->saved_data["plan"].toCapsule();
    Tensor query_gradient = at::empty_like(saved[0]);
    Tensor key_value_gradient = at::empty_like(saved[1]);
    run_backward(columns(saved[0], saved[1]), columns(query_gradient, key_value_gradient),
                 static_cast<const AttentionPlan&>(*plan), saved[2], saved[3], gradients[0].contiguous());
    return {query_gradient, key_value_gradient, Tensor()};
  }
};

PlanPointer plan_of(const RowOffsets& query_offsets, const RowOffsets& key_offsets,
                    const AttentionSettings& settings) {
  auto plan = c10::make_intrusive<AttentionPlan>();
  plan->query_offsets = query_offsets;
  plan->key_offsets = key_offsets;
  plan->settings = settings;
  plan->bias_is_trained = settings.bias.by_distance.defined() && settings.bias.by_distance.requires_grad();
  plan->settings.bias.by_distance = Tensor();
  return plan;
}

}  // namespace

Tensor self_attention(const Tensor& query_key_value, const RowOffsets& offsets,
                      const AttentionSettings& settings) {
  if (uses_kernels(query_key_value))
    return SelfAttentionFunction::apply(query_key_value.contiguous(), if_defined(settings.bias.by_distance),
                                        plan_of(offsets, offsets, settings));
  const auto parts = query_key_value.chunk(3, 1);
  return composed_attention(parts[0], parts[1], parts[2], offsets, offsets, settings);
}

Tensor cross_attention(const Tensor& query, const Tensor& key_value, const RowOffsets& query_offsets,
                       const RowOffsets& key_offsets, const AttentionSettings& settings) {
  if (uses_kernels(query))
    return CrossAttentionFunction::apply(query.contiguous(), key_value.contiguous(),
                                         plan_of(query_offsets, key_offsets, settings));
  const auto parts = key_value.chunk(2, 1);
  return composed_attention(query, parts[0], parts[1], query_offsets, key_offsets, settings);
}

}  // namespace epicrisis::train::ops
