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

/// Distinct candidates and the score of each in the search so far.
class Search {
 public:
  explicit Search(std::vector<RougeText> texts) : texts_(std::move(texts)), scores_(texts_.size(), 0) {
    std::set<std::span<const std::uint32_t>,
             decltype([](auto a, auto b) { return std::ranges::lexicographical_compare(a, b); })>
        seen;
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      if (seen.insert(texts_[i].words).second) candidates_.push_back(i);
    }
  }

  /// Ranks all candidates by ROUGE-1. One table of counts a reference costs less than a merge a pair.
  void screen(const std::vector<std::size_t>& references, std::size_t keep) {
    std::vector<std::uint32_t> counts;
    for (const std::size_t reference : references) {
      counts.assign(counts.size(), 0);
      for (const std::uint32_t word : texts_[reference].words) {
        if (word >= counts.size()) counts.resize(word + 1, 0);
        ++counts[word];
      }
      for (const std::size_t candidate : candidates_) {
        const std::size_t both = texts_[candidate].words.size() + texts_[reference].words.size();
        const std::size_t hits = count_hits(texts_[candidate].sorted_words, counts);
        // Twice the hits over all words of both is F1.
        if (hits > 0) scores_[candidate] += 2 * static_cast<double>(hits) / static_cast<double>(both);
      }
    }
    keep_best(candidates_, scores_, keep);
  }

  /// The candidate with the best mean of ROUGE-1, -2 and -L.
  std::size_t decide(const std::vector<std::size_t>& references) {
    for (const std::size_t candidate : candidates_) {
      scores_[candidate] = 0;
      for (const std::size_t reference : references) {
        const RougeScores all = RougeScorer::score(texts_[candidate], texts_[reference]);
        scores_[candidate] += all.rouge1.f1 + all.rouge2.f1 + all.rouge_l.f1;
      }
    }
    keep_best(candidates_, scores_, 1);
    return candidates_.front();
  }

 private:
  static std::size_t count_hits(const std::vector<std::uint32_t>& sorted_words,
                                const std::vector<std::uint32_t>& counts) {
    std::size_t hits = 0;
    std::size_t run = 0;
    for (std::size_t i = 0; i < sorted_words.size(); ++i) {
      const std::uint32_t word = sorted_words[i];
      run = i > 0 && sorted_words[i - 1] == word ? run + 1 : 1;
      if (word < counts.size() && run <= counts[word]) ++hits;
    }
    return hits;
  }

  std::vector<RougeText> texts_;
  std::vector<std::size_t> candidates_;
  std::vector<double> scores_;
};

}  // namespace

std::size_t best_constant_summary(RougeScorer& scorer, std::span<const std::string> summaries,
                                  const ConstantSearch& bounds) {
  EPICRISIS_CHECK(!summaries.empty());
  std::vector<RougeText> texts;
  texts.reserve(summaries.size());
  for (const std::string& summary : summaries) texts.push_back(scorer.prepare(summary));
  Search search(std::move(texts));
  search.screen(draw(summaries.size(), bounds.screening_summaries, bounds.seed), bounds.shortlist);
  return search.decide(draw(summaries.size(), bounds.final_summaries, bounds.seed));
}

}  // namespace epicrisis::evaluate
