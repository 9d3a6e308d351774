#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "train/optimizer_kind.hpp"
#include "train/parameter_layout.hpp"

namespace epicrisis::train {

struct OptimizerSettings {
  OptimizerKind kind = OptimizerKind::kAdamW;
  double beta1 = 0.9;  ///< Adam and AdamW, as the next two.
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;           ///< AdamW and Adafactor: decoupled; Adam and SGD: added to the gradient.
  bool decay_bias_and_norm = false;  ///< Off: biases and norm weights are spared.
  at::Device device = at::kCPU;      ///< Of parameters, gradients and state.
};

/// One part of an optimizer's state: float32, flat, to be saved, and overwritten in place by a resumed run.
struct OptimizerState {
  std::string name;
  at::Tensor values;
};

/// Updates the trained parameters of a Transformer from their gradients. Given equal parameters, gradients
/// and state, an update on the CPU gives the same bits whatever the number of threads.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  /// gradients: [layout.trained_total()], which may be overwritten; gradient_scale multiplies them first
  /// (clipping).
  void step(at::Tensor& parameters, const at::Tensor& gradients, double learning_rate, double gradient_scale);

  /// All that a resumed run needs besides steps(); empty for an optimizer that remembers nothing.
  virtual std::vector<OptimizerState> state() const = 0;
  std::int64_t steps() const noexcept { return steps_; }
  void set_steps(std::int64_t steps) noexcept { steps_ = steps; }

 private:
  virtual void update(at::Tensor& parameters, const at::Tensor& gradients, double learning_rate,
                      double gradient_scale) = 0;
  std::int64_t steps_ = 0;  ///< Counts the update under way.
};

/// Precondition: `layout` lives until this returns.
std::unique_ptr<Optimizer> make_optimizer(const ParameterLayout& layout, const OptimizerSettings& settings);

/// Neighbouring trained parameters of one kind, no longer than a thread should take at a time.
struct ParameterSegment {
  std::int64_t offset = 0;           ///< In the parameters.
  std::int64_t gradient_offset = 0;  ///< In gradients and state.
  std::int64_t count = 0;
  bool decays = true;
};
std::vector<ParameterSegment> trained_segments(const ParameterLayout& layout,
                                               const OptimizerSettings& settings);

/// Euclidean norm of all gradients.
double gradient_norm(const at::Tensor& gradients);

/// What gradients of norm `norm` are multiplied by so that it stays within max_norm; 1 when max_norm is 0.
inline double clip_scale(double norm, double max_norm) {
  constexpr double kEpsilon = 1e-6;  // as the reference clips
  return max_norm > 0 && norm > max_norm ? max_norm / (norm + kEpsilon) : 1.0;
}

}  // namespace epicrisis::train
