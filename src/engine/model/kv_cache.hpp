#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "engine/float_buffer.hpp"

namespace epicrisis::engine {

struct KvCacheShape {
  int layers = 0;
  int width = 0;              ///< H * Dh
  std::size_t max_bytes = 0;  ///< Most memory it may take; 0: as much as there is.
};

/// Self-attention keys and values of the positions that live hypotheses have seen, one slot a position.
///
/// Slots are shared: hypotheses that grew from one parent name the same slots for the tokens they have in
/// common, so beam search reorders by copying lists of slot numbers and never moves a key. A slot is free
/// again when no hypothesis names it. Memory is [chunks][layers][key, value][kChunkSlots, H * Dh]; chunks are
/// added when slots run out, none is moved or given back before the cache goes. Owned by one decode loop.
class KvCache {
 public:
  using Slot = std::int32_t;

  explicit KvCache(const KvCacheShape& shape) : shape_(shape) {}

  /// Takes `count` free slots, each named once, and appends them to `slots`. Errors: kResourceExhausted, and
  /// then no slot was taken.
  Result<void> take(int count, std::vector<Slot>& slots);
  /// One more hypothesis names these slots.
  void retain(std::span<const Slot> slots) noexcept;
  /// One hypothesis less names these slots.
  void release(std::span<const Slot> slots) noexcept;

  /// Slots that some hypothesis names.
  int used() const noexcept { return static_cast<int>(uses_.size() - free_.size()); }

  /// A slot's key in layer 0; keys and values of other layers lie at the offsets below.
  float* position(Slot slot) noexcept {
    return chunks_[static_cast<std::size_t>(slot) / kChunkSlots].data() +
           static_cast<std::ptrdiff_t>(slot % kChunkSlots) * shape_.width;
  }
  std::ptrdiff_t key_offset(int layer) const noexcept { return 2 * layer * plane(); }
  std::ptrdiff_t value_offset(int layer) const noexcept { return (2 * layer + 1) * plane(); }

 private:
  static constexpr int kChunkSlots = 64;

  std::ptrdiff_t plane() const noexcept { return static_cast<std::ptrdiff_t>(kChunkSlots) * shape_.width; }
  Result<void> add_chunk();

  KvCacheShape shape_;
  std::vector<FloatBuffer> chunks_;
  std::vector<std::int32_t> uses_;  // by slot: hypotheses that name it
  std::vector<Slot> free_;          // the next one to hand out last
};

}  // namespace epicrisis::engine
