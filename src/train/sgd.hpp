#pragma once

#include "train/optimizer.hpp"

namespace epicrisis::train {

/// Stochastic gradient descent without momentum, as the reference's `optim=sgd`: it remembers nothing.
class Sgd final : public Optimizer {
 public:
  Sgd(const ParameterLayout& layout, const OptimizerSettings& settings);
  std::vector<OptimizerState> state() const override { return {}; }

 private:
  void update(at::Tensor& parameters, const at::Tensor& gradients, double learning_rate,
              double gradient_scale) override;

  double weight_decay_;
  std::vector<ParameterSegment> segments_;
};

}  // namespace epicrisis::train
