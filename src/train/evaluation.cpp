#include "train/evaluation.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "evaluate/rouge.hpp"
#include "train/collation.hpp"
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

/// Mean loss over all label tokens.
double mean_loss(const Transformer& model, const data::TokenisedDataset& examples,
                 const TrainingOptions& options) {
  at::NoGradGuard no_gradients;
  double total = 0;
  double tokens = 0;
  for (std::size_t first = 0; first < examples.size();) {
    data::PackedBatch packed;
    const std::size_t end = batch_end(examples, first, options);
    for (; first < end; ++first) append_example(packed, examples.example(first, 0), model.architecture());
    const auto count = static_cast<double>(
        packed.labels.size() - static_cast<std::size_t>(std::count(packed.labels.begin(), packed.labels.end(),
                                                                   data::kIgnoredLabel)));
    total += model.loss(packed, {}).item<double>() * count;
    tokens += count;
  }
  return total / tokens;
}

/// Means over the examples, F1 x 100.
struct Generated {
  double rouge1 = 0, rouge2 = 0, rouge_l = 0, rouge_lsum = 0;
  double tokens = 0;

  void add(const evaluate::RougeScores& scores, std::size_t token_count, double weight) {
    constexpr double kPercent = 100;
    rouge1 += kPercent * scores.rouge1.f1 * weight;
    rouge2 += kPercent * scores.rouge2.f1 * weight;
    rouge_l += kPercent * scores.rouge_l.f1 * weight;
    rouge_lsum += kPercent * scores.rouge_lsum.f1 * weight;
    tokens += static_cast<double>(token_count) * weight;
  }
};

Result<Generated> generate_and_score(const Transformer& model, const TrainingSetup& setup,
                                     const TrainingOptions& options) {
  const std::size_t count = setup.validation.examples->size();
  Generated means;
  const double weight = 1.0 / static_cast<double>(count);
  const std::size_t batch_size = options.per_device_eval_batch_size;
  for (std::size_t begin = 0; begin < count; begin += batch_size) {
    std::vector<std::size_t> indices(std::min(batch_size, count - begin));
    std::iota(indices.begin(), indices.end(), begin);
    EPICRISIS_ASSIGN_OR_RETURN(const auto texts, generate_texts(model, setup, options, indices));
    evaluate::RougeScorer scorer;  // it keeps the words it has seen
    for (std::size_t i = 0; i < texts.size(); ++i)
      means.add(scorer.score(texts[i].text, setup.validation.references[begin + i]), texts[i].tokens, weight);
  }
  return means;
}

}  // namespace

Result<Json> evaluate_model(const Transformer& model, const TrainingSetup& setup,
                            const TrainingOptions& options, TrainingObserver& observer) {
  observer.on_stage("Evaluating");
  Json scores = {{"eval_loss", mean_loss(model, *setup.validation.examples, options)}};
  if (options.predict_with_generate && !setup.validation.references.empty()) {
    EPICRISIS_ASSIGN_OR_RETURN(const Generated generated, generate_and_score(model, setup, options));
    scores["eval_rouge1"] = generated.rouge1;
    scores["eval_rouge2"] = generated.rouge2;
    scores["eval_rougeL"] = generated.rouge_l;
    scores["eval_rougeLsum"] = generated.rouge_lsum;
    scores["eval_gen_len"] = generated.tokens;
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
