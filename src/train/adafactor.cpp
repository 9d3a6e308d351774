#include "train/adafactor.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "train/composed_updates.hpp"
#include "train/kernels/optimizer_kernels.hpp"
#include "train/ops/ops.hpp"
#include "train/ops/parallel.hpp"

namespace epicrisis::train {
namespace {

constexpr double kDecayRate = -0.8;
constexpr double kClipThreshold = 1.0;
constexpr float kEpsilon = 1e-30F;

/// Rows that a thread takes at a time; sums are made block by block, so it must not depend on threads.
std::int64_t rows_a_block(std::int64_t columns) { return std::max<std::int64_t>(1, (1 << 16) / columns); }

std::int64_t blocks_of(std::int64_t rows, std::int64_t block) { return (rows + block - 1) / block; }

/// Sum over blocks of rows of what body(begin, end) gives.
template <class Body>
double sum_over_rows(std::int64_t rows, std::int64_t columns, Body body) {
  const std::int64_t block = rows_a_block(columns);
  std::vector<double> partial(static_cast<std::size_t>(blocks_of(rows, block)));
  for_each_block(rows, block, [&](std::int64_t begin, std::int64_t end) {
    partial[static_cast<std::size_t>(begin / block)] = body(begin, end);
  });
  return std::accumulate(partial.begin(), partial.end(), 0.0);
}

/// What an update whose squares sum up to `squares` is divided by.
double clip_divisor(double squares, std::int64_t count) {
  return std::max(1.0, std::sqrt(squares / static_cast<double>(count)) / kClipThreshold);
}

}  // namespace

Adafactor::Adafactor(const ParameterLayout& layout, const OptimizerSettings& settings)
    : weight_decay_(settings.weight_decay) {
  std::int64_t rows = 0, columns = 0, vectors = 0;
  const ParameterSlot* previous = nullptr;
  for (const ParameterSlot& slot : layout.slots()) {
    if (!slot.trained) continue;
    const bool is_matrix = slot.shape.size() == 2;
    const bool continues = previous != nullptr && previous->file_name == slot.file_name &&
                           previous->offset + previous->count == slot.offset;
    previous = &slot;
    if (!continues) {
      units_.push_back({slot.offset, slot.gradient_offset, 0, is_matrix ? slot.shape[1] : 0, rows,
                        is_matrix ? columns : vectors,
                        settings.decay_bias_and_norm || !slot.is_bias_or_norm()});
      if (is_matrix) columns += slot.shape[1];
    }
    if (is_matrix) {
      units_.back().rows += slot.shape[0];
      rows += slot.shape[0];
    } else {
      units_.back().columns += slot.count;
      vectors += slot.count;
    }
  }
  row_moments_ = at::zeros({rows}, settings.device);
  column_moments_ = at::zeros({columns}, settings.device);
  second_moments_ = at::zeros({vectors}, settings.device);
}

std::vector<OptimizerState> Adafactor::state() const {
  return {{"row_moments", row_moments_},
          {"column_moments", column_moments_},
          {"second_moments", second_moments_}};
}

void Adafactor::update(at::Tensor& parameters, const at::Tensor& gradients, double learning_rate,
                       double gradient_scale) {
  if (!ops::uses_kernels(parameters)) {
    update_composed(parameters, gradients, learning_rate, gradient_scale);
    return;
  }
  Step step;
  step.learning_rate = static_cast<float>(learning_rate);
  step.decay = static_cast<float>(1.0 - std::pow(static_cast<double>(steps()), kDecayRate));
  step.gradient_scale = static_cast<float>(gradient_scale);
  for (const Unit& unit : units_) {
    step.keep = static_cast<float>(1.0 - learning_rate * (unit.decays ? weight_decay_ : 0.0));
    float* own = parameters.data_ptr<float>() + unit.offset;
    const float* own_gradients = gradients.data_ptr<float>() + unit.gradient_offset;
    unit.rows > 0 ? update_matrix(unit, own, own_gradients, step)
                  : update_vector(unit, own, own_gradients, step);
  }
}

void Adafactor::update_composed(const at::Tensor& parameters, const at::Tensor& gradients,
                                double learning_rate, double gradient_scale) {
  composed::AdafactorStep step{learning_rate, 1.0 - std::pow(static_cast<double>(steps()), kDecayRate),
                               gradient_scale};
  for (const Unit& unit : units_) {
    step.keep = 1.0 - learning_rate * (unit.decays ? weight_decay_ : 0.0);
    const std::int64_t count = std::max<std::int64_t>(1, unit.rows) * unit.columns;
    const at::Tensor own = parameters.narrow(0, unit.offset, count);
    const at::Tensor own_gradients = gradients.narrow(0, unit.gradient_offset, count);
    if (unit.rows == 0) {
      composed::adafactor_vector(own, own_gradients, second_moments_.narrow(0, unit.column_state, count),
                                 step);
      continue;
    }
    composed::adafactor_matrix(own.view({unit.rows, unit.columns}),
                               own_gradients.view({unit.rows, unit.columns}),
                               row_moments_.narrow(0, unit.row_state, unit.rows),
                               column_moments_.narrow(0, unit.column_state, unit.columns), step);
  }
}

/// Means of squared gradients by row and by column move towards those of this update.
void Adafactor::update_moments(const Unit& unit, const float* gradients, const Step& step) {
  const auto columns = static_cast<std::size_t>(unit.columns);
  const std::int64_t block = rows_a_block(unit.columns);
  float* row_moments = row_moments_.data_ptr<float>() + unit.row_state;
  float* column_moments = column_moments_.data_ptr<float>() + unit.column_state;
  const float fresh = 1.0F - step.decay;
  const at::Tensor partial = at::zeros({blocks_of(unit.rows, block), unit.columns}, at::kFloat);
  for_each_block(unit.rows, block, [&](std::int64_t begin, std::int64_t end) {
    float* sums = partial.data_ptr<float>() + begin / block * unit.columns;
    for (std::int64_t row = begin; row < end; ++row) {
      const float sum =
          kernels::add_squares(sums, gradients + row * unit.columns, columns, step.gradient_scale, kEpsilon);
      row_moments[row] = step.decay * row_moments[row] + fresh * sum / static_cast<float>(unit.columns);
    }
  });
  const at::Tensor total = partial.sum(0, false, at::kDouble);
  const double* sums = total.data_ptr<double>();
  for (std::size_t column = 0; column < columns; ++column)
    column_moments[column] = step.decay * column_moments[column] +
                             fresh * static_cast<float>(sums[column] / static_cast<double>(unit.rows));
}

void Adafactor::update_matrix(const Unit& unit, float* parameters, const float* gradients, const Step& step) {
  update_moments(unit, gradients, step);
  const auto columns = static_cast<std::size_t>(unit.columns);
  const float* row_moments = row_moments_.data_ptr<float>() + unit.row_state;
  const float* column_moments = column_moments_.data_ptr<float>() + unit.column_state;
  const double mean =
      std::accumulate(row_moments, row_moments + unit.rows, 0.0) / static_cast<double>(unit.rows);
  std::vector<float> column_factors(columns);
  for (std::size_t column = 0; column < columns; ++column)
    column_factors[column] = 1.0F / std::sqrt(column_moments[column]);
  const auto row_factor = [&](std::int64_t row) {
    return step.gradient_scale / std::sqrt(row_moments[row] / static_cast<float>(mean));
  };
  const double squares = sum_over_rows(unit.rows, unit.columns, [&](std::int64_t begin, std::int64_t end) {
    double sum = 0;
    for (std::int64_t row = begin; row < end; ++row) {
      const double factor = row_factor(row);
      sum += factor * factor *
             static_cast<double>(kernels::sum_of_product_squares(gradients + row * unit.columns,
                                                                 column_factors.data(), columns));
    }
    return sum;
  });
  const float rate = step.learning_rate / static_cast<float>(clip_divisor(squares, unit.rows * unit.columns));
  for_each_block(unit.rows, rows_a_block(unit.columns), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row)
      kernels::descend_by_columns(parameters + row * unit.columns, gradients + row * unit.columns,
                                  column_factors.data(), columns, step.keep, rate * row_factor(row));
  });
}

void Adafactor::update_vector(const Unit& unit, float* parameters, const float* gradients, const Step& step) {
  float* moments = second_moments_.data_ptr<float>() + unit.column_state;
  const float fresh = 1.0F - step.decay;
  double squares = 0;
  for (std::int64_t i = 0; i < unit.columns; ++i) {
    const float gradient = gradients[i] * step.gradient_scale;
    moments[i] = step.decay * moments[i] + fresh * (gradient * gradient + kEpsilon);
    squares += static_cast<double>(gradient * gradient / moments[i]);
  }
  const float rate = step.learning_rate / static_cast<float>(clip_divisor(squares, unit.columns));
  for (std::int64_t i = 0; i < unit.columns; ++i)
    parameters[i] =
        step.keep * parameters[i] - rate * gradients[i] * step.gradient_scale / std::sqrt(moments[i]);
}

}  // namespace epicrisis::train
