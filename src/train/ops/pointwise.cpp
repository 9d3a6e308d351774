#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "train/kernels/cpu_kernels.hpp"
#include "train/kernels/norm_kernels.hpp"
#include "train/ops/composed_attention.hpp"
#include "train/ops/ops.hpp"
#include "train/ops/parallel.hpp"

namespace epicrisis::train::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct LayerNormFunction : torch::autograd::Function<LayerNormFunction> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight, const Tensor& bias,
                        double epsilon) {
    const std::int64_t rows = x.size(0), width = x.size(1);
    Tensor out = at::empty_like(x);
    Tensor means = at::empty({rows}, x.options());
    Tensor inverse_deviations = at::empty({rows}, x.options());
    for_each_block(rows, kRowBlock, [&](std::int64_t begin, std::int64_t end) {
      kernels::layer_norm(out.data_ptr<float>() + begin * width, means.data_ptr<float>() + begin,
                          inverse_deviations.data_ptr<float>() + begin, x.data_ptr<float>() + begin * width,
                          weight.data_ptr<float>(), bias.data_ptr<float>(),
                          static_cast<std::size_t>(end - begin), static_cast<std::size_t>(width),
                          static_cast<float>(epsilon));
    });
    context->save_for_backward({x, weight, means, inverse_deviations});
    return out;
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1], &means = saved[2], &inverse_deviations = saved[3];
    const Tensor gradient = gradients[0].contiguous();
    const std::int64_t rows = x.size(0), width = x.size(1);
    const std::int64_t blocks = (rows + kRowBlock - 1) / kRowBlock;
    Tensor x_gradient = at::empty_like(x);
    // Partial sums a block, added up in order: the same result whichever thread ran which block.
    Tensor partial = at::zeros({blocks, 2, width}, x.options());
    for_each_block(rows, kRowBlock, [&](std::int64_t begin, std::int64_t end) {
      float* sums = partial.data_ptr<float>() + begin / kRowBlock * 2 * width;
      kernels::layer_norm_backward(x_gradient.data_ptr<float>() + begin * width, sums, sums + width,
                                   gradient.data_ptr<float>() + begin * width,
                                   x.data_ptr<float>() + begin * width, means.data_ptr<float>() + begin,
                                   inverse_deviations.data_ptr<float>() + begin, weight.data_ptr<float>(),
                                   static_cast<std::size_t>(end - begin), static_cast<std::size_t>(width));
    });
    const Tensor total = partial.sum(0);
    return {x_gradient, total[0], total[1], Tensor()};
  }
};

struct RmsNormFunction : torch::autograd::Function<RmsNormFunction> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight, double epsilon) {
    const std::int64_t rows = x.size(0), width = x.size(1);
    Tensor out = at::empty_like(x);
    Tensor inverse_roots = at::empty({rows}, x.options());
    for_each_block(rows, kRowBlock, [&](std::int64_t begin, std::int64_t end) {
      kernels::rms_norm(out.data_ptr<float>() + begin * width, inverse_roots.data_ptr<float>() + begin,
                        x.data_ptr<float>() + begin * width, weight.data_ptr<float>(),
                        static_cast<std::size_t>(end - begin), static_cast<std::size_t>(width),
                        static_cast<float>(epsilon));
    });
    context->save_for_backward({x, weight, inverse_roots});
    return out;
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1], &inverse_roots = saved[2];
    const Tensor gradient = gradients[0].contiguous();
    const std::int64_t rows = x.size(0), width = x.size(1);
    Tensor x_gradient = at::empty_like(x);
    Tensor partial = at::zeros({(rows + kRowBlock - 1) / kRowBlock, width}, x.options());
    for_each_block(rows, kRowBlock, [&](std::int64_t begin, std::int64_t end) {
      kernels::rms_norm_backward(
          x_gradient.data_ptr<float>() + begin * width, partial.data_ptr<float>() + begin / kRowBlock * width,
          gradient.data_ptr<float>() + begin * width, x.data_ptr<float>() + begin * width,
          inverse_roots.data_ptr<float>() + begin, weight.data_ptr<float>(),
          static_cast<std::size_t>(end - begin), static_cast<std::size_t>(width));
    });
    return {x_gradient, partial.sum(0), Tensor()};
  }
};

Tensor masked(const Tensor& x, const Tensor& residual, const Dropout& dropout) {
  const auto stream = kernels::DropoutStream::create(dropout.probability, dropout.seed);
  Tensor out = at::empty_like(x);
  const float* residual_data = residual.defined() ? residual.data_ptr<float>() : nullptr;
  constexpr std::int64_t kBlock = std::int64_t{1} << 17;
  for_each_block(x.numel(), kBlock, [&](std::int64_t begin, std::int64_t end) {
    kernels::dropout_add(out.data_ptr<float>() + begin, x.data_ptr<float>() + begin,
                         residual_data == nullptr ? nullptr : residual_data + begin,
                         static_cast<std::size_t>(end - begin), stream, static_cast<std::size_t>(begin));
  });
  return out;
}

struct DropoutAddFunction : torch::autograd::Function<DropoutAddFunction> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const c10::optional<Tensor>& residual,
                        const Dropout& dropout) {
    context->saved_data["probability"] = dropout.probability;
    context->saved_data["seed"] = static_cast<std::int64_t>(dropout.seed);
    context->saved_data["residual"] = residual.has_value();
    return masked(x, residual.value_or(Tensor()), dropout);
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const Dropout dropout{context->saved_data["probability"].toDouble(),
                          static_cast<std::uint64_t>(context->saved_data["seed"].toInt())};
    const Tensor gradient = gradients[0].contiguous();
    return {dropout.probability > 0 ? masked(gradient, {}, dropout) : gradient,
            context->saved_data["residual"].toBool() ? gradient : Tensor(), Tensor()};
  }
};

}  // namespace

Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon) {
  if (uses_kernels(x)) return LayerNormFunction::apply(x.contiguous(), weight, bias, epsilon);
  return at::layer_norm(x, {x.size(1)}, weight, bias, epsilon);
}

Tensor rms_norm(const Tensor& x, const Tensor& weight, double epsilon) {
  if (uses_kernels(x)) return RmsNormFunction::apply(x.contiguous(), weight, epsilon);
  const Tensor wide = x.to(at::kFloat);
  return weight * (wide * at::rsqrt(wide.square().mean(-1, true) + epsilon));
}

Tensor dropout_add(const Tensor& x, const Tensor& residual, const Dropout& dropout) {
  if (!residual.defined() && dropout.probability <= 0) return x;
  if (uses_kernels(x)) return DropoutAddFunction::apply(x.contiguous(), if_defined(residual), dropout);
  const Tensor dropped = composed_dropout(x, dropout);
  return residual.defined() ? residual + dropped : dropped;
}

}  // namespace epicrisis::train::ops
