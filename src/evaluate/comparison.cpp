#include "evaluate/comparison.hpp"

#include <map>

#include "base/check.hpp"

namespace epicrisis::evaluate {
namespace {

/// Scores of one system, one a note.
struct ScoredSystem {
  const SystemOutput* output;
  std::vector<RougeScores> scores;
  std::vector<std::size_t> words;
};

std::size_t count_words(std::string_view text) {
  std::size_t words = 0;
  bool inside = false;
  for (const char c : text) {
    const bool space = c == ' ' || (c >= '\t' && c <= '\r');
    if (!space && !inside) ++words;
    inside = !space;
  }
  return words;
}

ScoredSystem score_system(const SystemOutput& output, const std::vector<RougeText>& references,
                          RougeScorer& scorer) {
  EPICRISIS_CHECK(output.predictions.size() == references.size());
  EPICRISIS_CHECK(!output.tokens || output.tokens->size() == references.size());
  ScoredSystem scored{&output, {}, {}};
  for (std::size_t i = 0; i < references.size(); ++i) {
    scored.scores.push_back(RougeScorer::score(scorer.prepare(output.predictions[i]), references[i]));
    scored.words.push_back(count_words(output.predictions[i]));
  }
  return scored;
}

MetricSummary summarize_metric(const std::vector<RougeScores>& scores, RougeScore RougeScores::*metric,
                               const RougeScore& mean_score, const BootstrapOptions& bootstrap) {
  std::vector<double> f1;
  for (const RougeScores& score : scores) f1.push_back((score.*metric).f1);
  return {mean_score, bootstrap_mean(f1, bootstrap)};
}

double mean_at(const std::vector<std::size_t>& values, const std::vector<std::size_t>& notes) {
  double sum = 0;
  for (const std::size_t note : notes) sum += static_cast<double>(values[note]);
  return sum / static_cast<double>(notes.size());
}

ComparisonRow summarize(const ScoredSystem& system, const std::string& stratum,
                        const std::vector<std::size_t>& notes, const BootstrapOptions& bootstrap) {
  std::vector<RougeScores> scores;
  for (const std::size_t note : notes) scores.push_back(system.scores[note]);
  const RougeScores average = mean(scores);
  ComparisonRow row;
  row.system = system.output->system;
  row.stratum = stratum;
  row.notes = notes.size();
  row.rouge1 = summarize_metric(scores, &RougeScores::rouge1, average.rouge1, bootstrap);
  row.rouge2 = summarize_metric(scores, &RougeScores::rouge2, average.rouge2, bootstrap);
  row.rouge_l = summarize_metric(scores, &RougeScores::rouge_l, average.rouge_l, bootstrap);
  row.rouge_lsum = summarize_metric(scores, &RougeScores::rouge_lsum, average.rouge_lsum, bootstrap);
  row.generated_words = mean_at(system.words, notes);
  if (system.output->tokens) row.generated_tokens = mean_at(*system.output->tokens, notes);
  if (system.output->seconds)
    row.seconds_per_note = *system.output->seconds / static_cast<double>(system.words.size());
  return row;
}

}  // namespace

std::vector<ComparisonRow> compare(std::span<const SystemOutput> systems,
                                   std::span<const std::string> references,
                                   std::span<const std::string> strata, const RougeOptions& rouge,
                                   const BootstrapOptions& bootstrap) {
  EPICRISIS_CHECK(strata.empty() || strata.size() == references.size());
  if (references.empty()) return {};
  RougeScorer scorer(rouge);
  std::vector<RougeText> prepared;
  for (const std::string& reference : references) prepared.push_back(scorer.prepare(reference));
  std::vector<ScoredSystem> scored;
  for (const SystemOutput& system : systems) scored.push_back(score_system(system, prepared, scorer));

  std::vector<std::size_t> everything;
  std::map<std::string, std::vector<std::size_t>> by_stratum;
  for (std::size_t i = 0; i < references.size(); ++i) {
    everything.push_back(i);
    if (!strata.empty()) by_stratum[strata[i]].push_back(i);
  }
  std::vector<ComparisonRow> rows;
  for (const ScoredSystem& system : scored)
    rows.push_back(summarize(system, kOverall, everything, bootstrap));
  for (const auto& [stratum, notes] : by_stratum) {
    for (const ScoredSystem& system : scored) rows.push_back(summarize(system, stratum, notes, bootstrap));
  }
  return rows;
}

}  // namespace epicrisis::evaluate
