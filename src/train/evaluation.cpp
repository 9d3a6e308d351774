#include "train/evaluation.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "evaluate/rouge.hpp"
#include "train/collation.hpp"
#include "train/distributed/batch_share.hpp"
#include "train/generated_texts.hpp"

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

/// Whether batch number `batch` is this process's.
bool is_own(std::size_t batch, const ProcessGroup& group) {
  return batch % static_cast<std::size_t>(group.size()) == static_cast<std::size_t>(group.rank());
}

/// Mean loss over all label tokens.
Result<double> mean_loss(const Transformer& model, const data::TokenisedDataset& examples,
                         const TrainingOptions& options, ProcessGroup& group) {
  at::NoGradGuard no_gradients;
  std::array<double, 2> total_and_tokens = {0, 0};
  std::size_t batch = 0;
  for (std::size_t first = 0; first < examples.size(); ++batch) {
    const std::size_t begin = std::exchange(first, batch_end(examples, first, options));
    if (!is_own(batch, group)) continue;
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

/// Names of the means over the examples: F1 x 100, and tokens.
constexpr std::array kGeneratedNames = {"eval_rouge1", "eval_rouge2", "eval_rougeL", "eval_rougeLsum",
                                        "eval_gen_len"};
using Generated = std::array<double, kGeneratedNames.size()>;

void add(Generated& means, const evaluate::RougeScores& scores, std::size_t token_count, double weight) {
  constexpr double kPercent = 100;
  const Generated one = {kPercent * scores.rouge1.f1, kPercent * scores.rouge2.f1,
                         kPercent * scores.rouge_l.f1, kPercent * scores.rouge_lsum.f1,
                         static_cast<double>(token_count)};
  for (std::size_t i = 0; i < means.size(); ++i) means[i] += one[i] * weight;
}

Result<Generated> generate_and_score(const Transformer& model, const TrainingSetup& setup,
                                     const TrainingOptions& options, ProcessGroup& group) {
  const std::size_t count = setup.validation.examples->size();
  Generated means{};
  const double weight = 1.0 / static_cast<double>(count);
  const std::size_t batch_size = options.per_device_eval_batch_size;
  for (std::size_t begin = 0; begin < count; begin += batch_size) {
    if (!is_own(begin / batch_size, group)) continue;
    std::vector<std::size_t> indices(std::min(batch_size, count - begin));
    std::iota(indices.begin(), indices.end(), begin);
    EPICRISIS_ASSIGN_OR_RETURN(const auto texts, generate_texts(model, setup, options, indices));
    evaluate::RougeScorer scorer;  // it keeps the words it has seen
    for (std::size_t i = 0; i < texts.size(); ++i)
      add(means, scorer.score(texts[i].text, setup.validation.references[begin + i]), texts[i].tokens,
          weight);
  }
  EPICRISIS_RETURN_IF_ERROR(group.sum(means));
  return means;
}

}  // namespace

Result<Json> evaluate_model(const Transformer& model, const TrainingSetup& setup,
                            const TrainingOptions& options, TrainingObserver& observer, ProcessGroup& group) {
  observer.on_stage("Evaluating");
  EPICRISIS_ASSIGN_OR_RETURN(const double loss, mean_loss(model, *setup.validation.examples, options, group));
  Json scores = {{"eval_loss", loss}};
  if (options.predict_with_generate && !setup.validation.references.empty()) {
    EPICRISIS_ASSIGN_OR_RETURN(const Generated generated, generate_and_score(model, setup, options, group));
    for (std::size_t i = 0; i < generated.size(); ++i) scores[kGeneratedNames[i]] = generated[i];
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
