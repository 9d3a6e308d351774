#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <atomic>

#include "train/device.hpp"
#include "train/kernels/cpu_kernels.hpp"
#include "train/ops/gemm.hpp"
#include "train/ops/ops.hpp"
#include "train/ops/parallel.hpp"

namespace epicrisis::train::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

std::atomic<bool>& kernels_enabled() {
  static std::atomic<bool> enabled = true;
  return enabled;
}

/// out = x weight^T, block by block; epilogue(out rows, first row, rows) sees each block while it is in
/// cache.
template <class Epilogue>
Tensor project(const Tensor& x, const Tensor& weight, Epilogue epilogue) {
  const std::int64_t rows = x.size(0), in = x.size(1), out_width = weight.size(0);
  Tensor out = at::empty({rows, out_width}, x.options());
  const float* x_data = x.data_ptr<float>();
  const float* weight_data = weight.data_ptr<float>();
  float* out_data = out.data_ptr<float>();
  for_each_block(rows, balanced_block(rows), [&](std::int64_t begin, std::int64_t end) {
    float* block = out_data + begin * out_width;
    gemm(Transpose::kNo, Transpose::kYes, end - begin, out_width, in, x_data + begin * in, in, weight_data,
         in, 0.0F, block, out_width);
    epilogue(block, begin, end - begin);
  });
  return out;
}

Tensor project_with_bias(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const auto width = static_cast<std::size_t>(weight.size(0));
  const float* bias_data = bias.defined() ? bias.data_ptr<float>() : nullptr;
  return project(x, weight, [&](float* block, std::int64_t, std::int64_t rows) {
    if (bias_data != nullptr) kernels::add_bias(block, bias_data, static_cast<std::size_t>(rows), width);
  });
}

/// gradient [N, out] times weight [out, in].
Tensor input_gradient(const Tensor& gradient, const Tensor& weight) {
  const std::int64_t rows = gradient.size(0), out_width = weight.size(0), in = weight.size(1);
  Tensor result = at::empty({rows, in}, gradient.options());
  const float* gradient_data = gradient.data_ptr<float>();
  const float* weight_data = weight.data_ptr<float>();
  float* result_data = result.data_ptr<float>();
  for_each_block(rows, balanced_block(rows), [&](std::int64_t begin, std::int64_t end) {
    gemm(Transpose::kNo, Transpose::kNo, end - begin, in, out_width, gradient_data + begin * out_width,
         out_width, weight_data, in, 0.0F, result_data + begin * in, in);
  });
  return result;
}

struct ParameterGradients {
  Tensor weight, bias;
};

/// gradient^T x, unless `x` is undefined, and the column sums of gradient. Threads own rows of the result.
ParameterGradients parameter_gradients(const Tensor& gradient, const Tensor& x, bool with_bias) {
  const std::int64_t rows = gradient.size(0), out_width = gradient.size(1), in = x.defined() ? x.size(1) : 0;
  ParameterGradients result;
  if (x.defined()) result.weight = at::empty({out_width, in}, x.options());
  if (with_bias) result.bias = at::zeros({out_width}, gradient.options());
  if (!x.defined() && !with_bias) return result;
  const float* x_data = x.defined() ? x.data_ptr<float>() : nullptr;
  const float* gradient_data = gradient.data_ptr<float>();
  float* weight_data = x.defined() ? result.weight.data_ptr<float>() : nullptr;
  float* bias_data = with_bias ? result.bias.data_ptr<float>() : nullptr;
  for_each_block(out_width, part_size(out_width), [&](std::int64_t begin, std::int64_t end) {
    if (weight_data != nullptr)
      gemm(Transpose::kYes, Transpose::kNo, end - begin, in, rows, gradient_data + begin, out_width, x_data,
           in, 0.0F, weight_data + begin * in, in);
    if (bias_data == nullptr) return;
    for (std::int64_t row = 0; row < rows; ++row)
      kernels::add(bias_data + begin, gradient_data + row * out_width + begin,
                   static_cast<std::size_t>(end - begin));
  });
  return result;
}

/// What backward needs of `x` to make the gradient of a weight that it is multiplied by: nothing when that is
/// frozen.
Tensor kept_for(const Tensor& weight, const Tensor& x) { return weight.requires_grad() ? x : Tensor(); }
bool is_trained(const c10::optional<Tensor>& bias) { return bias.has_value() && bias->requires_grad(); }

struct LinearFunction : torch::autograd::Function<LinearFunction> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight,
                        const c10::optional<Tensor>& bias) {
    context->save_for_backward({kept_for(weight, x), x.requires_grad() ? weight : Tensor()});
    context->saved_data["bias"] = is_trained(bias);
    return project_with_bias(x, weight, bias.value_or(Tensor()));
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor gradient = gradients[0].contiguous();
    const ParameterGradients parameters =
        parameter_gradients(gradient, saved[0], context->saved_data["bias"].toBool());
    return {saved[1].defined() ? input_gradient(gradient, saved[1]) : Tensor(), parameters.weight,
            parameters.bias};
  }
};

/// Keeps only its output of the activation: where that is positive, a ReLU passed and dropout kept the
/// element. Biases are both there or both absent.
struct ReluFeedForward : torch::autograd::Function<ReluFeedForward> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& up_weight,
                        const c10::optional<Tensor>& up_bias, const Tensor& down_weight,
                        const c10::optional<Tensor>& down_bias, const Dropout& dropout) {
    const auto stream = kernels::DropoutStream::create(dropout.probability, dropout.seed);
    const auto width = static_cast<std::size_t>(up_weight.size(0));
    const Tensor added = up_bias ? *up_bias : at::zeros({up_weight.size(0)}, x.options());
    const float* bias_data = added.data_ptr<float>();
    const Tensor hidden = project(x, up_weight, [&](float* block, std::int64_t begin, std::int64_t rows) {
      kernels::bias_relu_dropout(block, bias_data, static_cast<std::size_t>(rows), width, stream,
                                 static_cast<std::size_t>(begin) * width);
    });
    context->save_for_backward({kept_for(up_weight, x), up_weight, down_weight, hidden});
    context->saved_data["scale"] = static_cast<double>(stream.scale);
    context->saved_data["up_bias"] = is_trained(up_bias);
    context->saved_data["down_bias"] = is_trained(down_bias);
    context->saved_data["down"] = down_weight.requires_grad();
    context->saved_data["input"] = x.requires_grad();
    return project_with_bias(hidden, down_weight, down_bias.value_or(Tensor()));
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &up_weight = saved[1], &down_weight = saved[2], &hidden = saved[3];
    const Tensor gradient = gradients[0].contiguous();
    const auto scale = static_cast<float>(context->saved_data["scale"].toDouble());
    const auto is_set = [&](const char* name) { return context->saved_data[name].toBool(); };
    const ParameterGradients down =
        parameter_gradients(gradient, is_set("down") ? hidden : Tensor(), is_set("down_bias"));
    const Tensor hidden_gradient = input_gradient(gradient, down_weight);
    const std::int64_t width = hidden.size(1);
    float* hidden_gradient_data = hidden_gradient.data_ptr<float>();
    const float* hidden_data = hidden.data_ptr<float>();
    for_each_block(hidden.size(0), balanced_block(hidden.size(0)), [&](std::int64_t begin, std::int64_t end) {
      kernels::relu_dropout_backward(hidden_gradient_data + begin * width, hidden_data + begin * width,
                                     static_cast<std::size_t>((end - begin) * width), scale);
    });
    const ParameterGradients up = parameter_gradients(hidden_gradient, x, is_set("up_bias"));
    return {is_set("input") ? input_gradient(hidden_gradient, up_weight) : Tensor(),
            up.weight,
            up.bias,
            down.weight,
            down.bias,
            Tensor()};
  }
};

}  // namespace

bool uses_kernels(const Tensor& x) {
  return kernels_enabled() && !Bfloat16Autocast::is_on(at::kCPU) && x.is_cpu() &&
         x.scalar_type() == at::kFloat;
}
void set_kernels_enabled(bool enabled) { kernels_enabled() = enabled; }

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (uses_kernels(x)) return LinearFunction::apply(x.contiguous(), weight, if_defined(bias));
  return at::linear(x, weight, if_defined(bias));
}

Tensor activate(const Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::kRelu:
      return at::relu(x);
    case Activation::kGelu:
      return at::gelu(x);
    case Activation::kGeluTanh:
      return at::gelu(x, "tanh");
    case Activation::kSilu:
      return at::silu(x);
  }
  return x;
}

Tensor feed_forward(const Tensor& x, const FeedForwardWeights& weights, Activation activation,
                    const Dropout& dropout) {
  const bool gated = weights.gate_weight.defined();
  if (uses_kernels(x) && activation == Activation::kRelu && !gated)
    return ReluFeedForward::apply(x.contiguous(), weights.up_weight, if_defined(weights.up_bias),
                                  weights.down_weight, if_defined(weights.down_bias), dropout);
  const Tensor up = linear(x, weights.up_weight, weights.up_bias);
  const Tensor hidden = gated ? activate(linear(x, weights.gate_weight, weights.gate_bias), activation) * up
                              : activate(up, activation);
  return linear(dropout_add(hidden, {}, dropout), weights.down_weight, weights.down_bias);
}

}  // namespace epicrisis::train::ops
