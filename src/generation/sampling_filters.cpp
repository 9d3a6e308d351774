#include "generation/sampling_filters.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "generation/top_candidates.hpp"

namespace epicrisis {
namespace {

using Distribution = std::vector<TokenProbability>;

/// What top-k keeps of `scores`, best first; -infinity and NaN never.
std::vector<Candidate> keep_top_k(std::span<const float> scores, std::size_t top_k) {
  constexpr float kLowest = std::numeric_limits<float>::lowest();
  float bar = kLowest;
  if (top_k > 0 && top_k < scores.size()) {
    std::vector<Candidate> best;
    top_candidates(scores, top_k, best);
    if (!best.empty()) bar = std::max(bar, best.back().score);
  }
  std::vector<Candidate> kept;
  for (std::size_t token = 0; token < scores.size(); ++token) {
    if (scores[token] >= bar) kept.push_back({static_cast<TokenId>(token), scores[token]});
  }
  std::stable_sort(kept.begin(), kept.end(),
                   [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  return kept;
}

void normalise(Distribution& distribution) {
  double total = 0;
  for (const TokenProbability& left : distribution) total += left.probability;
  for (TokenProbability& left : distribution) left.probability /= total;
}

Distribution softmax(const std::vector<Candidate>& kept, double temperature) {
  Distribution distribution;
  distribution.reserve(kept.size());
  for (const Candidate& candidate : kept) {
    const double gap = static_cast<double>(candidate.score) - static_cast<double>(kept.front().score);
    distribution.push_back({candidate.token, std::exp(gap / temperature)});
  }
  normalise(distribution);
  return distribution;
}

/// A token goes when it and all less likely ones together hold at most 1 - top_p.
void keep_top_p(Distribution& distribution, double top_p, std::size_t at_least) {
  double tail = 0;
  while (distribution.size() > at_least) {
    tail += distribution.back().probability;
    if (tail > 1.0 - top_p) break;
    distribution.pop_back();
  }
}

double entropy(const Distribution& distribution) {
  double sum = 0;
  for (const TokenProbability& left : distribution) {
    if (left.probability > 0) sum -= left.probability * std::log(left.probability);
  }
  return sum;
}

/// Keeps the tokens nearest to the expected surprise until they hold `mass`, and those as near as the last.
void keep_typical(Distribution& distribution, double mass, std::size_t at_least) {
  const double expected = entropy(distribution);
  std::vector<std::pair<double, std::size_t>> by_distance;
  for (std::size_t i = 0; i < distribution.size(); ++i) {
    by_distance.emplace_back(std::fabs(-std::log(distribution[i].probability) - expected), i);
  }
  std::sort(by_distance.begin(), by_distance.end());
  double held = 0;
  std::size_t last = 0;
  for (; last + 1 < by_distance.size(); ++last) {
    held += distribution[by_distance[last].second].probability;
    if (held >= mass) break;
  }
  std::vector<bool> stays(distribution.size());
  for (std::size_t rank = 0; rank < by_distance.size(); ++rank) {
    stays[by_distance[rank].second] = rank < at_least || by_distance[rank].first <= by_distance[last].first;
  }
  std::size_t i = 0;
  std::erase_if(distribution, [&](const TokenProbability&) { return !stays[i++]; });
}

/// Tokens as likely as the last of those that must stay, stay too.
void drop_below(Distribution& distribution, double cutoff, std::size_t at_least) {
  if (distribution.size() <= at_least) return;
  const double bar = std::min(cutoff, distribution[at_least - 1].probability);
  while (distribution.back().probability < bar) distribution.pop_back();
}

}  // namespace

SamplingSettings sampling_settings(const GenerationConfig& config) {
  return {.temperature = config.temperature,
          .top_k = config.top_k,
          .top_p = config.top_p,
          .typical_p = config.typical_p,
          .epsilon_cutoff = config.epsilon_cutoff,
          .eta_cutoff = config.eta_cutoff,
          .min_tokens_to_keep = config.num_beams > 1 ? std::size_t{2} : std::size_t{1}};
}

std::vector<TokenProbability> filtered_distribution(std::span<const float> scores,
                                                    const SamplingSettings& settings) {
  const std::size_t at_least = settings.min_tokens_to_keep;
  const std::size_t top_k =
      settings.top_k == 0 ? 0 : std::max(static_cast<std::size_t>(settings.top_k), at_least);
  const std::vector<Candidate> kept = keep_top_k(scores, top_k);
  if (kept.empty() || !std::isfinite(kept.front().score)) return {};
  Distribution distribution = softmax(kept, settings.temperature);
  const auto filter = [&](bool wanted, auto keep, double threshold) {
    if (!wanted) return;
    keep(distribution, threshold, at_least);
    normalise(distribution);
  };
  filter(settings.top_p < 1, keep_top_p, settings.top_p);
  filter(settings.typical_p < 1, keep_typical, settings.typical_p);
  filter(settings.epsilon_cutoff > 0 && settings.epsilon_cutoff < 1, drop_below, settings.epsilon_cutoff);
  if (settings.eta_cutoff > 0 && settings.eta_cutoff < 1) {
    const double of_entropy = std::sqrt(settings.eta_cutoff) * std::exp(-entropy(distribution));
    filter(true, drop_below, std::min(settings.eta_cutoff, of_entropy));
  }
  return distribution;
}

}  // namespace epicrisis
