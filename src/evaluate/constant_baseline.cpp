#include "evaluate/constant_baseline.hpp"

#include <algorithm>
#include <numeric>
#include <random>
#include <set>
#include <vector>

#include "base/check.hpp"

namespace epicrisis::evaluate {
namespace {

/// The first `count` of the texts in an order fixed by `seed`, as indices.
std::vector<std::size_t> draw(std::size_t size, std::size_t count, std::uint64_t seed) {
  std::vector<std::size_t> order(size);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::mt19937_64 random(seed);
  count = std::min(count, size);
  // Fisher-Yates by hand: std::shuffle differs between libraries.
  for (std::size_t i = 0; i < count; ++i) std::swap(order[i], order[i + random() % (size - i)]);
  order.resize(count);
  return order;
}

/// Sorts `candidates` by falling score, the earlier index first among equals, and keeps `count`.
void keep_best(std::vector<std::size_t>& candidates, const std::vector<double>& scores, std::size_t count) {
  const auto better = [&](std::size_t a, std::size_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  };
  count = std::min(count, candidates.size());
  std::partial_sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(count),
                    candidates.end(), better);
  candidates.resize(count);
}

}  // namespace

std::size_t best_constant_summary(RougeScorer& scorer, std::span<const std::string> summaries,
                                  const ConstantSearch& search) {
  EPICRISIS_CHECK(!summaries.empty());
  std::vector<RougeText> texts;
  texts.reserve(summaries.size());
  for (const std::string& summary : summaries) texts.push_back(scorer.prepare(summary));

  std::vector<std::size_t> candidates;
  std::set<std::span<const std::uint32_t>,
           decltype([](auto a, auto b) { return std::ranges::lexicographical_compare(a, b); })>
      seen;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (seen.insert(texts[i].words).second) candidates.push_back(i);
  }

  std::vector<double> scores(texts.size(), 0);
  const auto rank = [&](std::size_t references, std::size_t keep, const auto& score) {
    const std::vector<std::size_t> sample = draw(texts.size(), references, search.seed);
    for (const std::size_t candidate : candidates) {
      scores[candidate] = 0;
      for (const std::size_t reference : sample)
        scores[candidate] += score(texts[candidate], texts[reference]);
    }
    keep_best(candidates, scores, keep);
  };
  rank(search.screening_summaries, search.shortlist,
       [](const RougeText& candidate, const RougeText& reference) {
         return RougeScorer::score_words(candidate, reference).f1;
       });
  rank(search.final_summaries, 1, [](const RougeText& candidate, const RougeText& reference) {
    const RougeScores all = RougeScorer::score(candidate, reference);
    return all.rouge1.f1 + all.rouge2.f1 + all.rouge_l.f1;
  });
  return candidates.front();
}

}  // namespace epicrisis::evaluate
