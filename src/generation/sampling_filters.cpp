#include "generation/sampling_filters.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "generation/top_candidates.hpp"

namespace epicrisis {
namespace {

/// What top-k keeps of `scores`, best first; -infinity and NaN never.
std::vector<Candidate> keep_top_k(std::span<const float> scores, int top_k) {
  constexpr float kLowest = std::numeric_limits<float>::lowest();
  float bar = kLowest;
  if (top_k > 0 && static_cast<std::size_t>(top_k) < scores.size()) {
    std::vector<Candidate> best;
    top_candidates(scores, static_cast<std::size_t>(top_k), best);
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

}  // namespace

std::vector<TokenProbability> filtered_distribution(std::span<const float> scores,
                                                    const SamplingSettings& settings) {
  const std::vector<Candidate> kept = keep_top_k(scores, settings.top_k);
  std::vector<TokenProbability> distribution;
  if (kept.empty() || !std::isfinite(kept.front().score)) return distribution;
  distribution.reserve(kept.size());
  double total = 0;
  for (const Candidate& candidate : kept) {
    const double gap = static_cast<double>(candidate.score) - static_cast<double>(kept.front().score);
    distribution.push_back({candidate.token, std::exp(gap / settings.temperature)});
    total += distribution.back().probability;
  }
  if (settings.top_p < 1.0) {
    // A token goes when it and all less likely ones together hold at most 1 - top_p; the likeliest stays.
    double tail = 0;
    while (distribution.size() > 1) {
      tail += distribution.back().probability;
      if (tail / total > 1.0 - settings.top_p) break;
      distribution.pop_back();
    }
    total = 0;
    for (const TokenProbability& left : distribution) total += left.probability;
  }
  for (TokenProbability& left : distribution) left.probability /= total;
  return distribution;
}

}  // namespace epicrisis
