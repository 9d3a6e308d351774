#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "train/kernels/cpu_kernels.hpp"
#include "train/ops/gemm.hpp"
#include "train/ops/ops.hpp"
#include "train/ops/parallel.hpp"

namespace epicrisis::train::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Logits of so many elements exist at a time (64 MB).
constexpr std::int64_t kLogitElements = std::int64_t{1} << 24;

struct LossArguments {
  Tensor hidden, weight, bias;
  const std::vector<std::int64_t>& labels;
  float smoothing = 0;
  float gradient_scale = 0;  ///< 0: no gradients.
  bool weight_is_trained = true;
};

struct LossResult {
  double sum = 0;
  Tensor hidden_gradient, weight_gradient;
};

/// Loss and gradients of rows [begin, end), with `logits` as room for theirs.
double run_chunk(const LossArguments& arguments, std::int64_t begin, std::int64_t end, float* logits,
                 LossResult& result) {
  const std::int64_t width = arguments.hidden.size(1), vocabulary = arguments.weight.size(0);
  const float* hidden = arguments.hidden.data_ptr<float>() + begin * width;
  const float* weight = arguments.weight.data_ptr<float>();
  const float* bias = arguments.bias.defined() ? arguments.bias.data_ptr<float>() : nullptr;
  const bool with_gradient = arguments.gradient_scale != 0.0F;
  std::vector<double> losses(static_cast<std::size_t>(end - begin));
  constexpr std::int64_t kBlock = 128;
  for_each_block(end - begin, kBlock, [&](std::int64_t first, std::int64_t last) {
    float* block = logits + first * vocabulary;
    gemm(Transpose::kNo, Transpose::kYes, last - first, vocabulary, width, hidden + first * width, width,
         weight, width, 0.0F, block, vocabulary);
    if (bias != nullptr)
      kernels::add_bias(block, bias, static_cast<std::size_t>(last - first),
                        static_cast<std::size_t>(vocabulary));
    for (std::int64_t row = first; row < last; ++row)
      losses[static_cast<std::size_t>(row)] = kernels::cross_entropy(
          logits + row * vocabulary, static_cast<std::size_t>(vocabulary),
          static_cast<std::size_t>(arguments.labels[static_cast<std::size_t>(begin + row)]),
          arguments.smoothing, arguments.gradient_scale);
    if (with_gradient)
      gemm(Transpose::kNo, Transpose::kNo, last - first, width, vocabulary, block, vocabulary, weight, width,
           0.0F, result.hidden_gradient.data_ptr<float>() + (begin + first) * width, width);
  });
  if (result.weight_gradient.defined()) {
    float* weight_gradient = result.weight_gradient.data_ptr<float>();
    for_each_block(vocabulary, part_size(vocabulary), [&](std::int64_t first, std::int64_t last) {
      gemm(Transpose::kYes, Transpose::kNo, last - first, width, end - begin, logits + first, vocabulary,
           hidden, width, 1.0F, weight_gradient + first * width, width);
    });
  }
  double sum = 0;
  for (const double loss : losses) sum += loss;
  return sum;
}

LossResult run_loss(const LossArguments& arguments) {
  const std::int64_t rows = arguments.hidden.size(0), vocabulary = arguments.weight.size(0);
  LossResult result;
  if (arguments.gradient_scale != 0.0F) {
    result.hidden_gradient = at::empty_like(arguments.hidden);
    if (arguments.weight_is_trained) result.weight_gradient = at::zeros_like(arguments.weight);
  }
  const std::int64_t chunk = std::max<std::int64_t>(16, std::min(rows, kLogitElements / vocabulary));
  Tensor logits = at::empty({chunk, vocabulary}, arguments.hidden.options());
  for (std::int64_t begin = 0; begin < rows; begin += chunk)
    result.sum +=
        run_chunk(arguments, begin, std::min(rows, begin + chunk), logits.data_ptr<float>(), result);
  return result;
}

/// The gradients are made in forward, while the logits are at hand; backward only hands them out.
struct CrossEntropyFunction : torch::autograd::Function<CrossEntropyFunction> {
  static Tensor forward(AutogradContext* context, const Tensor& hidden, const Tensor& weight,
                        const c10::optional<Tensor>& bias, const std::vector<std::int64_t>* labels,
                        double smoothing, double factor, bool with_gradient) {
    LossResult result =
        run_loss({hidden, weight, bias.value_or(Tensor()), *labels, static_cast<float>(smoothing),
                  with_gradient ? static_cast<float>(factor) : 0.0F, weight.requires_grad()});
    if (with_gradient) context->save_for_backward({result.hidden_gradient, result.weight_gradient});
    return at::full({}, result.sum * factor, hidden.options());
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    auto saved = context->get_saved_variables();
    const double scale = gradients[0].item<double>();
    if (scale != 1.0)
      for (Tensor& gradient : saved)
        if (gradient.defined()) gradient = gradient * scale;
    return {saved[0], saved[1], Tensor(), Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

}  // namespace

Tensor cross_entropy(const Tensor& hidden, const Tensor& weight, const Tensor& bias,
                     const std::vector<std::int64_t>& labels, double label_smoothing, double factor) {
  if (uses_kernels(hidden))
    return CrossEntropyFunction::apply(hidden.contiguous(), weight, if_defined(bias), &labels,
                                       label_smoothing, factor, at::GradMode::is_enabled());
  Tensor logits = at::linear(hidden, weight, if_defined(bias)).to(at::kFloat);
  const Tensor log_probabilities = at::log_softmax(logits, -1);
  const Tensor index =
      at::tensor(labels, at::TensorOptions().dtype(at::kLong)).to(hidden.device()).unsqueeze(1);
  const Tensor label_loss = -log_probabilities.gather(1, index).sum();
  const Tensor mean_loss = -log_probabilities.mean(-1).sum();
  return (label_loss * (1.0 - label_smoothing) + mean_loss * label_smoothing) * factor;
}

}  // namespace epicrisis::train::ops
