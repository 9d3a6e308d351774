#include "train/evaluation.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "data/batch_plan.hpp"
#include "evaluate/rouge.hpp"
#include "train/collation.hpp"
#include "train/generated_texts.hpp"

namespace epicrisis::train {
namespace {

/// Mean loss over all label tokens.
double mean_loss(const Transformer& model, const data::TokenisedDataset& examples,
                 const TrainingOptions& options) {
  at::NoGradGuard no_gradients;
  std::vector<std::uint32_t> lengths;
  for (std::size_t i = 0; i < examples.size(); ++i)
    lengths.push_back(static_cast<std::uint32_t>(examples.length(i)));
  data::BatchOptions batches;
  batches.batch_size = options.per_device_eval_batch_size;
  batches.tokens_per_batch = options.tokens_per_batch;
  double total = 0;
  double tokens = 0;
  for (const auto& batch : data::plan_batches_in_order(lengths, batches)) {
    data::PackedBatch packed;
    for (const std::uint32_t index : batch)
      append_example(packed, examples.example(index, 0), model.architecture());
    const auto count = static_cast<double>(
        packed.labels.size() - static_cast<std::size_t>(std::count(packed.labels.begin(), packed.labels.end(),
                                                                   data::kIgnoredLabel)));
    total += model.loss(packed, {}).item<double>() * count;
    tokens += count;
  }
  return total / tokens;
}

struct Generated {
  evaluate::RougeScores rouge;
  double mean_tokens = 0;
};

Result<Generated> generate_and_score(const Transformer& model, const TrainingSetup& setup,
                                     const TrainingOptions& options) {
  const std::size_t count = setup.validation.examples->size();
  evaluate::RougeScorer scorer;
  std::vector<evaluate::RougeScores> scores;
  std::size_t tokens = 0;
  const std::size_t batch_size = std::max<std::size_t>(1, options.per_device_eval_batch_size);
  for (std::size_t begin = 0; begin < count; begin += batch_size) {
    std::vector<std::size_t> indices(std::min(batch_size, count - begin));
    std::iota(indices.begin(), indices.end(), begin);
    EPICRISIS_ASSIGN_OR_RETURN(const auto texts, generate_texts(model, setup, options, indices));
    for (std::size_t i = 0; i < texts.size(); ++i) {
      tokens += texts[i].tokens;
      scores.push_back(scorer.score(texts[i].text, setup.validation.references[begin + i]));
    }
  }
  return Generated{evaluate::mean(scores), static_cast<double>(tokens) / static_cast<double>(scores.size())};
}

}  // namespace

Result<Json> evaluate_model(const Transformer& model, const TrainingSetup& setup,
                            const TrainingOptions& options, TrainingObserver& observer) {
  observer.on_stage("Evaluating");
  Json scores = {{"eval_loss", mean_loss(model, *setup.validation.examples, options)}};
  if (options.predict_with_generate && !setup.validation.references.empty()) {
    EPICRISIS_ASSIGN_OR_RETURN(const Generated generated, generate_and_score(model, setup, options));
    scores["eval_rouge1"] = 100 * generated.rouge.rouge1.f1;
    scores["eval_rouge2"] = 100 * generated.rouge.rouge2.f1;
    scores["eval_rougeL"] = 100 * generated.rouge.rouge_l.f1;
    scores["eval_rougeLsum"] = 100 * generated.rouge.rouge_lsum.f1;
    scores["eval_gen_len"] = generated.mean_tokens;
  }
  return scores;
}

Result<double> metric_value(const Json& scores, const std::string& metric) {
  const std::string name = metric.starts_with("eval_") ? metric : "eval_" + metric;
  if (scores.contains(name))
    return name == "eval_loss" ? -scores[name].get<double>() : scores[name].get<double>();
  std::vector<std::string> names;
  for (const auto& item : scores.items())
    names.push_back(item.key().substr(std::string_view("eval_").size()));
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("--metric-for-best-model '{}' is not measured; choose one of {}.", metric,
                           fmt::join(names, ", ")),
               {}};
}

}  // namespace epicrisis::train
