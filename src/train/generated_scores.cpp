#include "train/generated_scores.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>

#include "evaluate/rouge.hpp"
#include "train/generated_texts.hpp"

namespace epicrisis::train {
namespace {

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

}  // namespace

Result<Json> generated_scores(const Transformer& trained, const TrainingSetup& setup,
                              const TrainingOptions& options, ProcessGroup& group) {
  std::optional<Transformer> copy;  // searches run on the CPU
  if (!trained.device().is_cpu()) copy = trained.copy_on(at::kCPU);
  const Transformer& model = copy ? *copy : trained;
  const std::size_t count = setup.validation.examples->size();
  Generated means{};
  const double weight = 1.0 / static_cast<double>(count);
  const std::size_t batch_size = options.per_device_eval_batch_size;
  for (std::size_t begin = 0; begin < count; begin += batch_size) {
    if (!group.takes(begin / batch_size)) continue;
    std::vector<std::size_t> indices(std::min(batch_size, count - begin));
    std::iota(indices.begin(), indices.end(), begin);
    EPICRISIS_ASSIGN_OR_RETURN(const auto texts, generate_texts(model, setup, options, indices));
    evaluate::RougeScorer scorer;  // it keeps the words it has seen
    for (std::size_t i = 0; i < texts.size(); ++i)
      add(means, scorer.score(texts[i].text, setup.validation.references[begin + i]), texts[i].tokens,
          weight);
  }
  EPICRISIS_RETURN_IF_ERROR(group.sum(means));
  Json scores;
  for (std::size_t i = 0; i < means.size(); ++i) scores[kGeneratedNames[i]] = means[i];
  return scores;
}

}  // namespace epicrisis::train
