#include "train/report/length_summary.hpp"

#include <algorithm>
#include <numeric>

namespace epicrisis::train {
namespace {

LengthSummary summarise(std::string of, std::vector<std::size_t> lengths, std::size_t limit) {
  LengthSummary summary;
  summary.of = std::move(of);
  summary.texts = lengths.size();
  if (lengths.empty()) return summary;
  std::ranges::sort(lengths);
  summary.tokens = std::accumulate(lengths.begin(), lengths.end(), std::size_t{0});
  summary.median = lengths[(lengths.size() - 1) / 2];
  summary.percentile_95 = lengths[(lengths.size() - 1) * 95 / 100];
  summary.longest = lengths.back();
  summary.at_limit = static_cast<std::size_t>(
      std::ranges::count_if(lengths, [limit](std::size_t length) { return length >= limit; }));
  return summary;
}

}  // namespace

std::vector<LengthSummary> summarise_lengths(const std::string& split, const data::TokenisedDataset& examples,
                                             std::size_t source_limit, std::size_t target_limit) {
  std::vector<std::size_t> sources, targets;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    const data::TrainingPair pair = examples.example(i, 0);
    sources.push_back(pair.source.size());
    targets.push_back(pair.target.size());
  }
  return {summarise(split + " notes", std::move(sources), source_limit),
          summarise(split + " summaries", std::move(targets), target_limit)};
}

}  // namespace epicrisis::train
