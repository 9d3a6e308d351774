#pragma once

#include <vector>

#include "checkpoint/architecture.hpp"

namespace epicrisis {

/// T5's buckets of distances, each with one learned bias a head: Raffel et al. 2020, "Exploring the Limits of
/// Transfer Learning with a Unified Text-to-Text Transformer", section 2.1.
struct RelativeBuckets {
  int count = 0;
  int max_distance = 0;  ///< From here on all distances share the last bucket.
  bool bidirectional =
      false;  ///< Half of the buckets are for keys after the query; else these share bucket 0.

  /// False where the buckets are too few, or the distance too short, for the formula to have a value.
  bool valid() const noexcept;
  /// The bucket of a key `distance` positions after its query (before it: negative): one a distance while it
  /// is short, then logarithmically wider ones. In float32, as the reference rounds. Precondition: valid().
  int of(int distance) const noexcept;
};

/// Those of a model's encoder (bidirectional) or decoder; meaningful for PositionEncoding::kRelativeBias.
RelativeBuckets relative_buckets(const Architecture& architecture, bool bidirectional) noexcept;

/// The slopes of ALiBi, one a head: 2^(-8 h / H) for H a power of two; otherwise those of the next lower
/// power of two, then every other one of the next higher. Press, Smith and Lewis 2022, "Train Short, Test
/// Long: Attention with Linear Biases Enables Input Length Extrapolation", section 3; BLOOM for other H.
std::vector<float> alibi_slopes(int heads);

}  // namespace epicrisis
