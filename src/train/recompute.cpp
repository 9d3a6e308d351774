#include "train/recompute.hpp"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "train/ops/ops.hpp"

namespace epicrisis::train {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Travels through the autograd context.
struct Computation : torch::CustomClassHolder {
  explicit Computation(Recomputable given) : compute(std::move(given)) {}
  Recomputable compute;
};

/// A leaf with the value of `input`.
Tensor leaf_of(const Tensor& input) {
  if (!input.defined()) return {};
  Tensor leaf = input.detach();
  leaf.set_requires_grad(input.requires_grad());
  return leaf;
}

struct RecomputedFunction : torch::autograd::Function<RecomputedFunction> {
  /// anchor: requires a gradient, so that the result does even when only parameters do.
  static Tensor forward(AutogradContext* context, const Tensor& first, const c10::optional<Tensor>& second,
                        const c10::optional<Tensor>& third, const Tensor& /*anchor*/,
                        const c10::intrusive_ptr<Computation>& computation) {
    context->save_for_backward({first, second.value_or(Tensor()), third.value_or(Tensor())});
    context->saved_data["computation"] = c10::IValue::make_capsule(computation);
    return computation->compute(first, second.value_or(Tensor()), third.value_or(Tensor()));
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto computation = context->saved_data["computation"].toCapsule();
    const auto& compute = static_cast<const Computation&>(*computation).compute;
    const Tensor first = leaf_of(saved[0]), second = leaf_of(saved[1]), third = leaf_of(saved[2]);
    Tensor out;
    {
      const at::AutoGradMode with_gradients(true);
      out = compute(first, second, third);
    }
    torch::autograd::backward({out}, {gradients[0]});
    const auto gradient_of = [](const Tensor& leaf) { return leaf.defined() ? leaf.grad() : Tensor(); };
    return {gradient_of(first), gradient_of(second), gradient_of(third), Tensor(), Tensor()};
  }
};

}  // namespace

Tensor recomputed_in_backward(const Tensor& first, const Tensor& second, const Tensor& third,
                              const Recomputable& compute) {
  const Tensor anchor = at::zeros({1}, first.options()).set_requires_grad(true);
  return RecomputedFunction::apply(first, ops::if_defined(second), ops::if_defined(third), anchor,
                                   c10::make_intrusive<Computation>(compute));
}

}  // namespace epicrisis::train
