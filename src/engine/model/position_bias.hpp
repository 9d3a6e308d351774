#pragma once

#include <cstddef>
#include <vector>

#include "checkpoint/distance_bias.hpp"
#include "engine/float_buffer.hpp"

namespace epicrisis::engine {

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
