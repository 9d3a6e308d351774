#include "train/model_selection.hpp"

#include <cmath>

namespace epicrisis::train {
namespace {

std::string metric_name(const TrainingOptions& options) {
  if (!options.metric_for_best_model.empty()) return options.metric_for_best_model;
  return options.predict_with_generate && options.objective == Objective::kSummarize ? "rougeL" : "loss";
}

}  // namespace

ModelSelection::ModelSelection(const TrainingOptions& options)
    : metric_(metric_name(options)),
      greater_is_better_(options.greater_is_better.value_or(!metric_.ends_with("loss"))),
      patience_(options.early_stopping_patience),
      threshold_(options.early_stopping_threshold) {}

bool ModelSelection::take(SelectionState& state, double value) const {
  const bool first = !state.best_metric;
  const bool better = first || (greater_is_better_ ? value > *state.best_metric : value < *state.best_metric);
  const bool gains = first || (better && std::fabs(value - *state.best_metric) > threshold_);
  state.evaluations_without_gain = gains ? 0 : state.evaluations_without_gain + 1;
  if (better) state.best_metric = value;
  return better;
}

}  // namespace epicrisis::train
