#pragma once

#include "train/optimizer.hpp"

namespace epicrisis::train {

/// Adam (Kingma and Ba 2015) or AdamW (Loshchilov and Hutter 2019), one pass over memory for each update.
class Adam final : public Optimizer {
 public:
  Adam(const ParameterLayout& layout, const OptimizerSettings& settings);
  std::vector<OptimizerState> state() const override;

 private:
  void update(at::Tensor& parameters, const at::Tensor& gradients, double learning_rate,
              double gradient_scale) override;

  OptimizerSettings settings_;
  std::vector<ParameterSegment> segments_;
  at::Tensor first_moments_, second_moments_;
};

}  // namespace epicrisis::train
