#pragma once

#include <cstddef>
#include <vector>

#include "engine/float_buffer.hpp"

namespace epicrisis::engine {

/// T5's buckets of distances, each with one learned bias a head: Raffel et al. 2020, "Exploring the Limits of
/// Transfer Learning with a Unified Text-to-Text Transformer", section 2.1.
struct RelativeBuckets {
  int count = 0;
  int max_distance = 0;  ///< From here on all distances share the last bucket.
  bool bidirectional =
      false;  ///< Half of the buckets are for keys after the query; else these share bucket 0.

  /// Buckets too few, or a distance too short, for the formula to have a value.
  bool valid() const noexcept;
  /// The bucket of a key `distance` positions after its query (before it: negative): one a distance while it
  /// is short, then logarithmically wider ones. In float32, as the reference rounds. Precondition: valid().
  int of(int distance) const noexcept;
};

/// The slopes of ALiBi, one a head: 2^(-8 h / H) for H a power of two; otherwise those of the next lower
/// power of two, then every other one of the next higher. Press, Smith and Lewis 2022, "Train Short, Test
/// Long: Attention with Linear Biases Enables Input Length Extrapolation", section 3; BLOOM for other H.
std::vector<float> alibi_slopes(int heads);

/// What one stack of a model adds to its self-attention scores, a function of head and distance. Immutable.
class PositionBias {
 public:
  /// No bias.
  PositionBias() = default;
  /// weights: [buckets, heads], read when a table is filled; outlives this.
  static PositionBias relative(const float* weights, const RelativeBuckets& buckets, int heads);
  static PositionBias alibi(int heads);

  int heads() const noexcept { return heads_; }
  bool empty() const noexcept { return heads_ == 0; }

  /// Writes the bias of a key `distance` positions after its query for each head: head h to to[h * stride].
  void write(int distance, float* to, std::ptrdiff_t stride) const noexcept;

 private:
  int heads_ = 0;
  const float* weights_ = nullptr;
  RelativeBuckets buckets_;
  std::vector<float> slopes_;
};

/// A PositionBias laid out so that attention reads the biases of one query as one row.
///
/// Layout: [H][distances], distances rising; a query's row is a window into it. Owned by one session, which
/// extends it as its sequences grow: a bias is computed once, not once a step.
class PositionBiasTable {
 public:
  /// `causal`: no key lies after its query. `bias` outlives this.
  PositionBiasTable(const PositionBias& bias, bool causal) : bias_(bias), causal_(causal) {}

  /// Makes row() valid for sequences up to `length`, rows of before invalid. Throws std::bad_alloc.
  void extend(int length);

  /// The biases of keys 0, 1, ... for the query at position `query`, to its own position where causal; null
  /// when there is no bias. The row of the next query starts one element earlier.
  const float* row(int head, int query) const noexcept {
    if (bias_.empty()) return nullptr;
    return table_.data() + head * stride_ + (length_ - 1 - query);
  }

 private:
  const PositionBias& bias_;
  bool causal_;
  std::ptrdiff_t length_ = 0;
  std::ptrdiff_t stride_ = 0;
  FloatBuffer table_;
};

}  // namespace epicrisis::engine
