#include "data/source_matches.hpp"

#include <algorithm>
#include <span>

namespace epicrisis::data {
namespace {

constexpr std::size_t kLongestRun = 4;
constexpr std::size_t kTellingOccurrences = 2;

/// Tokens before source[place] that are those before the label at `at`, the decoder's input among them.
std::size_t common_run(std::span<const TokenId> source, std::size_t place, std::span<const TokenId> inputs,
                       std::size_t at) {
  const std::size_t most = std::min({kLongestRun, place, at});  // inputs[0] is the start token
  std::size_t run = 0;
  while (run < most && source[place - 1 - run] == inputs[at - run]) ++run;
  return run;
}

class Matcher {
 public:
  Matcher(std::span<const TokenId> source, std::int64_t first_source, SourceMatches& matches)
      : source_(source), first_source_(first_source), matches_(matches) {}

  void match(std::span<const TokenId> inputs, std::size_t at, TokenId label, std::int64_t target) {
    places_.clear();
    std::size_t longest = 0;
    for (std::size_t place = 0; place < source_.size(); ++place) {
      if (source_[place] != label) continue;
      const std::size_t run = common_run(source_, place, inputs, at);
      if (run < longest) continue;
      if (run > longest) places_.clear();
      longest = run;
      places_.push_back(first_source_ + static_cast<std::int64_t>(place));
    }
    if (places_.empty() || (longest == 0 && places_.size() > kTellingOccurrences)) return;
    matches_.targets.push_back(target);
    matches_.sources.insert(matches_.sources.end(), places_.begin(), places_.end());
    matches_.offsets.push_back(static_cast<std::int64_t>(matches_.sources.size()));
  }

 private:
  std::span<const TokenId> source_;
  std::int64_t first_source_;
  SourceMatches& matches_;
  std::vector<std::int64_t> places_;
};

}  // namespace

SourceMatches source_matches(const PackedBatch& batch) {
  SourceMatches matches;
  const auto part = [](const auto& ids, const std::vector<std::int64_t>& offsets, std::size_t sequence) {
    const auto begin = static_cast<std::size_t>(offsets[sequence]);
    return std::span<const TokenId>(ids).subspan(begin,
                                                 static_cast<std::size_t>(offsets[sequence + 1]) - begin);
  };
  for (std::size_t b = 0; b < batch.sequences(); ++b) {
    Matcher matcher(part(batch.source_ids, batch.source_offsets, b), batch.source_offsets[b], matches);
    const std::span<const TokenId> inputs = part(batch.decoder_ids, batch.target_offsets, b);
    const std::span<const TokenId> labels = part(batch.labels, batch.target_offsets, b);
    for (std::size_t at = 0; at + 1 < labels.size(); ++at)
      if (labels[at] != kIgnoredLabel)
        matcher.match(inputs, at, labels[at], batch.target_offsets[b] + static_cast<std::int64_t>(at));
  }
  return matches;
}

}  // namespace epicrisis::data
