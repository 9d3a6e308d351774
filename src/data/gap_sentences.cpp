#include "data/gap_sentences.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include "base/check.hpp"

namespace epicrisis::data {
namespace {

using Counts = std::unordered_map<TokenId, int>;

Counts count_tokens(Sentence sentence) {
  Counts counts;
  for (const TokenId token : sentence) ++counts[token];
  return counts;
}

double f1(double overlap, double length, double other_length) {
  return overlap <= 0 || length + other_length <= 0 ? 0 : 2 * overlap / (length + other_length);
}

Counts count_all(std::span<const Sentence> sentences) {
  Counts counts;
  for (const Sentence sentence : sentences)
    for (const TokenId token : sentence) ++counts[token];
  return counts;
}

std::size_t total_length(std::span<const Sentence> sentences) {
  std::size_t total = 0;
  for (const Sentence sentence : sentences) total += sentence.size();
  return total;
}

/// Indices of the sentences, the most important first.
std::vector<std::size_t> ranked(std::span<const Sentence> sentences, std::size_t count,
                                const GapSentenceOptions& options, RandomStream& random) {
  std::vector<double> noise(sentences.size());
  for (double& factor : noise) factor = 1.0 + options.score_noise * (2 * random.uniform() - 1);
  if (options.selection == GapSelection::kSequential) return sequential_order(sentences, count, noise);
  std::vector<double> scores = independent_scores(sentences);
  for (std::size_t i = 0; i < scores.size(); ++i) scores[i] *= noise[i];
  std::vector<std::size_t> order(sentences.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  order.resize(count);
  return order;
}

}  // namespace

std::vector<double> independent_scores(std::span<const Sentence> sentences) {
  const Counts all = count_all(sentences);
  const std::size_t total = total_length(sentences);
  std::vector<double> scores;
  scores.reserve(sentences.size());
  for (const Sentence sentence : sentences) {
    double overlap = 0;
    for (const auto& [token, count] : count_tokens(sentence))
      overlap += std::min(count, all.at(token) - count);
    scores.push_back(
        f1(overlap, static_cast<double>(sentence.size()), static_cast<double>(total - sentence.size())));
  }
  return scores;
}

std::vector<std::size_t> sequential_order(std::span<const Sentence> sentences, std::size_t count,
                                          std::span<const double> noise) {
  const Counts all = count_all(sentences);
  const std::size_t total = total_length(sentences);
  std::vector<std::size_t> order;
  std::vector<bool> taken(sentences.size(), false);
  Counts chosen;
  std::size_t chosen_length = 0;
  while (order.size() < std::min(count, sentences.size())) {
    std::size_t best = sentences.size();
    double best_score = -1;
    for (std::size_t i = 0; i < sentences.size(); ++i) {
      if (taken[i]) continue;
      Counts grown = chosen;
      for (const TokenId token : sentences[i]) ++grown[token];
      double overlap = 0;
      for (const auto& [token, times] : grown) overlap += std::min(times, all.at(token) - times);
      const std::size_t length = chosen_length + sentences[i].size();
      const double score =
          noise[i] * f1(overlap, static_cast<double>(length), static_cast<double>(total - length));
      if (score > best_score) {
        best = i;
        best_score = score;
      }
    }
    taken[best] = true;
    order.push_back(best);
    chosen_length += sentences[best].size();
    for (const TokenId token : sentences[best]) ++chosen[token];
  }
  return order;
}

TrainingPair make_gap_sentence_pair(std::span<const Sentence> sentences, const GapSentenceOptions& options,
                                    RandomStream random) {
  EPICRISIS_CHECK(sentences.size() >= 2 && options.max_target_tokens >= 2);
  const double ratio = options.ratio_min + (options.ratio_max - options.ratio_min) * random.uniform();
  const auto wanted = static_cast<std::size_t>(std::lround(ratio * static_cast<double>(sentences.size())));
  const std::size_t count = std::clamp<std::size_t>(wanted, 1, sentences.size() - 1);

  std::vector<bool> chosen(sentences.size(), false);
  const std::size_t room = options.max_target_tokens - 1;
  std::size_t used = 0;
  for (const std::size_t index : ranked(sentences, count, options, random)) {
    // The first is taken whatever its length (and cut); later ones only whole.
    if (used > 0 && used + sentences[index].size() > room) continue;
    chosen[index] = true;
    used += sentences[index].size();
  }

  TrainingPair pair;
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    const bool visible = !chosen[i] || random.uniform() < options.keep_ratio;
    if (visible)
      pair.source.insert(pair.source.end(), sentences[i].begin(), sentences[i].end());
    else
      pair.source.push_back(options.mask);
    if (chosen[i]) pair.target.insert(pair.target.end(), sentences[i].begin(), sentences[i].end());
  }
  pair.target.resize(std::min(pair.target.size(), room));
  pair.source.push_back(options.end_of_sequence);
  pair.target.push_back(options.end_of_sequence);
  return pair;
}

}  // namespace epicrisis::data
