#pragma once

#include "train/optimizer.hpp"

namespace epicrisis::train {

/// Adafactor (Shazeer and Stern 2018) as the reference's trainer makes it: the schedule's learning rate
/// (scale_parameter and relative_step off), no first moments, decay rate -0.8, updates clipped to a root mean
/// square of 1, epsilon 1e-30. Of a matrix it remembers row and column means of squared gradients only. What
/// is one tensor in the family's files (c_attn, query_key_value) is one matrix here, too.
class Adafactor final : public Optimizer {
 public:
  Adafactor(const ParameterLayout& layout, const OptimizerSettings& settings);
  std::vector<OptimizerState> state() const override;

 private:
  /// A parameter, or several that the family keeps as one: [rows, columns], or [columns] with no rows.
  struct Unit {
    std::int64_t offset = 0, gradient_offset = 0;
    std::int64_t rows = 0, columns = 0;
    std::int64_t row_state = 0;     ///< Place in row_moments_.
    std::int64_t column_state = 0;  ///< In column_moments_ of a matrix, else in second_moments_.
    bool decays = true;
  };
  struct Step {
    float learning_rate = 0, decay = 0, gradient_scale = 1, keep = 1;
  };

  void update(at::Tensor& parameters, const at::Tensor& gradients, double learning_rate,
              double gradient_scale) override;
  /// Where there are no kernels of ours.
  void update_composed(const at::Tensor& parameters, const at::Tensor& gradients, double learning_rate,
                       double gradient_scale);
  void update_matrix(const Unit& unit, float* parameters, const float* gradients, const Step& step);
  void update_vector(const Unit& unit, float* parameters, const float* gradients, const Step& step);
  void update_moments(const Unit& unit, const float* gradients, const Step& step);

  double weight_decay_;
  std::vector<Unit> units_;
  at::Tensor row_moments_, column_moments_;  ///< Of matrices.
  at::Tensor second_moments_;                ///< Of vectors.
};

}  // namespace epicrisis::train
