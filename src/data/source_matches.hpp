#pragma once

#include <cstdint>
#include <vector>

#include "data/packed_batch.hpp"

namespace epicrisis::data {

/// Where the labels of a batch could be copied from. targets[i] is a row of the labels; the rows of the
/// source ids that it could come from are sources[offsets[i], offsets[i + 1]), never empty.
struct SourceMatches {
  std::vector<std::int64_t> targets;
  std::vector<std::int64_t> offsets = {0};
  std::vector<std::int64_t> sources;
};

/// A label's places are those in its source with the same token behind the longest common run of tokens (of
/// up to four), as one who copies on would look for it. Left out are the closing label of each sequence,
/// ignored labels, and tokens that the source has more than twice when no run before them agrees: copying
/// does not tell where those came from.
SourceMatches source_matches(const PackedBatch& batch);

}  // namespace epicrisis::data
