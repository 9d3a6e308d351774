#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "train/ops/gemm.hpp"
#include "train/ops/ops.hpp"
#include "train/ops/parallel.hpp"

namespace epicrisis::train::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// A matrix of which some columns are meant.
struct ColumnRange {
  float* data;
  std::int64_t stride;
};

/// c [N, columns] = a [N, inner] times b [columns, inner]^T, or times b [inner, columns], plus beta c.
void multiply_rows(std::int64_t rows, const ColumnRange& a, std::int64_t inner, const Tensor& b,
                   Transpose transpose_b, float beta, const ColumnRange& c) {
  const std::int64_t columns = b.size(transpose_b == Transpose::kYes ? 0 : 1);
  for_each_block(rows, balanced_block(rows), [&](std::int64_t begin, std::int64_t end) {
    gemm(Transpose::kNo, transpose_b, end - begin, columns, inner, a.data + begin * a.stride, a.stride,
         b.data_ptr<float>(), b.size(1), beta, c.data + begin * c.stride, c.stride);
  });
}

ColumnRange all_of(const Tensor& x) { return {x.data_ptr<float>(), x.size(1)}; }

/// Adds into y's own memory.
struct LowRankFunction : torch::autograd::Function<LowRankFunction> {
  static Tensor forward(AutogradContext* context, const Tensor& y, const Tensor& x, const Tensor& a,
                        const Tensor& b, std::int64_t first_column, double scale) {
    Tensor out = y;
    const std::int64_t rows = x.size(0), rank = a.size(0);
    Tensor inner = at::empty({rows, rank}, x.options());
    multiply_rows(rows, all_of(x), x.size(1), a, Transpose::kYes, 0.0F, all_of(inner));
    inner.mul_(scale);
    multiply_rows(rows, all_of(inner), rank, b, Transpose::kYes, 1.0F,
                  {out.data_ptr<float>() + first_column, out.size(1)});
    context->mark_dirty({out});
    context->save_for_backward({x, inner, a, b});
    context->saved_data["first_column"] = first_column;
    context->saved_data["scale"] = scale;
    return out;
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &inner = saved[1], &a = saved[2], &b = saved[3];
    const Tensor gradient = gradients[0].contiguous();
    const std::int64_t rows = x.size(0), rank = a.size(0), out = b.size(0), width = gradient.size(1);
    const ColumnRange own{gradient.data_ptr<float>() + context->saved_data["first_column"].toInt(), width};
    Tensor inner_gradient = at::empty_like(inner);
    multiply_rows(rows, own, out, b, Transpose::kNo, 0.0F, all_of(inner_gradient));
    inner_gradient.mul_(context->saved_data["scale"].toDouble());
    Tensor a_gradient = at::empty_like(a), b_gradient = at::empty_like(b), x_gradient = at::empty_like(x);
    gemm(Transpose::kYes, Transpose::kNo, rank, x.size(1), rows, inner_gradient.data_ptr<float>(), rank,
         x.data_ptr<float>(), x.size(1), 0.0F, a_gradient.data_ptr<float>(), x.size(1));
    gemm(Transpose::kYes, Transpose::kNo, out, rank, rows, own.data, width, inner.data_ptr<float>(), rank,
         0.0F, b_gradient.data_ptr<float>(), rank);
    multiply_rows(rows, all_of(inner_gradient), rank, a, Transpose::kNo, 0.0F, all_of(x_gradient));
    return {gradient, x_gradient, a_gradient, b_gradient, Tensor(), Tensor()};
  }
};

}  // namespace

Tensor add_low_rank(const Tensor& y, const Tensor& x, const LowRank& adapter) {
  if (uses_kernels(x))
    return LowRankFunction::apply(y, x.contiguous(), adapter.a, adapter.b, adapter.first_row, adapter.scale);
  const Tensor added = at::linear(at::linear(x, adapter.a), adapter.b) * adapter.scale;
  const std::int64_t after = y.size(1) - adapter.first_row - adapter.b.size(0);
  return y + at::constant_pad_nd(added, {adapter.first_row, after}, 0);
}

}  // namespace epicrisis::train::ops
