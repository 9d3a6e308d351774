#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

namespace epicrisis::train {

/// A function of up to three tensors (undefined where there are fewer) and of parameters.
using Recomputable =
    std::function<at::Tensor(const at::Tensor& first, const at::Tensor& second, const at::Tensor& third)>;

/// compute(first, second, third), of which only these inputs are kept: backward computes it again (Chen et
/// al. 2016, "Training Deep Nets with Sublinear Memory Cost"). It must give the same bits both times; what it
/// refers to must live until backward has run.
at::Tensor recomputed_in_backward(const at::Tensor& first, const at::Tensor& second, const at::Tensor& third,
                                  const Recomputable& compute);

}  // namespace epicrisis::train
