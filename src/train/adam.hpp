#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "train/parameter_layout.hpp"

namespace epicrisis::train {

enum class OptimizerKind { kAdam, kAdamW };

struct AdamSettings {
  OptimizerKind kind = OptimizerKind::kAdamW;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;           ///< AdamW: decoupled; Adam: added to the gradient.
  bool decay_bias_and_norm = false;  ///< Off: biases and norm weights are spared.
};

/// Adam (Kingma and Ba 2015) or AdamW (Loshchilov and Hutter 2019) over the flat parameters of a Transformer,
/// one pass over memory for each update.
class Adam {
 public:
  Adam(const ParameterLayout& layout, const AdamSettings& settings);

  /// gradient_scale multiplies the gradients first (clipping).
  void step(at::Tensor& parameters, const at::Tensor& gradients, double learning_rate, double gradient_scale);

  /// State that a resumed run needs.
  at::Tensor& first_moments() noexcept { return first_moments_; }
  at::Tensor& second_moments() noexcept { return second_moments_; }
  std::int64_t steps() const noexcept { return steps_; }
  void set_steps(std::int64_t steps) noexcept { steps_ = steps; }

 private:
  /// Neighbouring parameters of one kind, no longer than a thread should take at a time.
  struct Segment {
    std::int64_t offset = 0;
    std::int64_t count = 0;
    bool decays = true;
  };

  AdamSettings settings_;
  std::vector<Segment> segments_;
  at::Tensor first_moments_, second_moments_;
  std::int64_t steps_ = 0;
};

/// Euclidean norm of all gradients.
double gradient_norm(const at::Tensor& gradients);

/// What gradients of norm `norm` are multiplied by so that it stays within max_norm; 1 when max_norm is 0.
inline double clip_scale(double norm, double max_norm) {
  constexpr double kEpsilon = 1e-6;  // as the reference clips
  return max_norm > 0 && norm > max_norm ? max_norm / (norm + kEpsilon) : 1.0;
}

}  // namespace epicrisis::train
