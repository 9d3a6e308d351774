#include "train/evaluation.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "train/collation.hpp"
#include "train/distributed/batch_share.hpp"
#include "train/generated_scores.hpp"

namespace epicrisis::train {
namespace {

/// Past the last example of the batch that begins at `first`: as many as are asked for, or as fit the tokens.
std::size_t batch_end(const data::TokenisedDataset& examples, std::size_t first,
                      const TrainingOptions& options) {
  if (options.tokens_per_batch == 0)
    return std::min(examples.size(), first + options.per_device_eval_batch_size);
  std::size_t tokens = examples.length(first), end = first + 1;
  while (end < examples.size() && tokens + examples.length(end) <= options.tokens_per_batch)
    tokens += examples.length(end++);
  return end;
}

/// Mean loss over all label tokens.
Result<double> mean_loss(const Transformer& model, const data::TokenisedDataset& examples,
                         const TrainingOptions& options, ProcessGroup& group) {
  at::NoGradGuard no_gradients;
  std::array<double, 2> total_and_tokens = {0, 0};
  std::size_t batch = 0;
  for (std::size_t first = 0; first < examples.size(); ++batch) {
    const std::size_t begin = std::exchange(first, batch_end(examples, first, options));
    if (!group.takes(batch)) continue;
    data::PackedBatch packed;
    for (std::size_t i = begin; i < first; ++i)
      append_example(packed, examples.example(i, 0), model.architecture());
    const auto count = static_cast<double>(counted_labels(packed));
    total_and_tokens[0] += model.loss(packed, {}).item<double>() * count;
    total_and_tokens[1] += count;
  }
  EPICRISIS_RETURN_IF_ERROR(group.sum(total_and_tokens));
  return total_and_tokens[0] / total_and_tokens[1];
}

}  // namespace

Result<Json> evaluate_model(const Transformer& model, const TrainingSetup& setup,
                            const TrainingOptions& options, TrainingObserver& observer, ProcessGroup& group) {
  observer.on_stage("Evaluating");
  EPICRISIS_ASSIGN_OR_RETURN(const double loss, mean_loss(model, *setup.validation.examples, options, group));
  Json scores = {{"eval_loss", loss}};
  if (options.predict_with_generate && !setup.validation.references.empty()) {
    EPICRISIS_ASSIGN_OR_RETURN(const Json generated, generated_scores(model, setup, options, group));
    scores.update(generated);
  }
  return scores;
}

Result<double> metric_value(const Json& scores, const std::string& metric) {
  const std::string name = metric.starts_with("eval_") ? metric : "eval_" + metric;
  if (scores.contains(name)) return scores[name].get<double>();
  std::vector<std::string> names;
  for (const auto& item : scores.items())
    names.push_back(item.key().substr(std::string_view("eval_").size()));
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("--metric-for-best-model '{}' is not measured; choose one of {}.", metric,
                           fmt::join(names, ", ")),
               {}};
}

}  // namespace epicrisis::train
