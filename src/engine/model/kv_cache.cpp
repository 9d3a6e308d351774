#include "engine/model/kv_cache.hpp"

#include <fmt/format.h>

#include <new>

#include "base/check.hpp"

namespace epicrisis::engine {

Result<void> KvCache::take(int count, std::vector<Slot>& slots) {
  while (static_cast<int>(free_.size()) < count) EPICRISIS_RETURN_IF_ERROR(add_chunk());
  for (int i = 0; i < count; ++i) {
    const Slot slot = free_.back();
    free_.pop_back();
    uses_[static_cast<std::size_t>(slot)] = 1;
    slots.push_back(slot);
  }
  return {};
}

void KvCache::retain(std::span<const Slot> slots) noexcept {
  for (const Slot slot : slots) ++uses_[static_cast<std::size_t>(slot)];
}

void KvCache::release(std::span<const Slot> slots) noexcept {
  // Last position first, so that the next hypothesis takes them in the order in which they lie.
  for (auto slot = slots.rbegin(); slot != slots.rend(); ++slot)
    if (--uses_[static_cast<std::size_t>(*slot)] == 0)
      free_.push_back(*slot);  // within the reserved capacity
}

Result<void> KvCache::add_chunk() {
  const std::size_t elements =
      2 * static_cast<std::size_t>(shape_.layers) * static_cast<std::size_t>(plane());
  const std::size_t chunk_bytes = elements * sizeof(float);
  if (shape_.max_bytes > 0 && (chunks_.size() + 1) * chunk_bytes > shape_.max_bytes)
    return Error{ErrorCode::kResourceExhausted,
                 "The decoder's cache is full; decode fewer texts or beams at once.",
                 fmt::format("{} positions cached, limit {} bytes", uses_.size(), shape_.max_bytes)};
  try {
    FloatBuffer chunk(elements);
    const std::size_t slots = uses_.size() + kChunkSlots;
    uses_.reserve(slots);
    free_.reserve(slots);
    chunks_.push_back(std::move(chunk));
    const auto first = static_cast<Slot>(uses_.size());
    uses_.resize(slots, 0);
    for (Slot slot = first + kChunkSlots; slot-- > first;) free_.push_back(slot);
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kResourceExhausted, "There is not enough memory for the decoder's cache.",
                 fmt::format("{} positions cached", uses_.size())};
  }
  return {};
}

}  // namespace epicrisis::engine
