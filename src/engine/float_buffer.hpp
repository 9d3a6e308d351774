#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace epicrisis::engine {

/// Uninitialised float32 memory on a cache-line boundary, for activations, caches and widened weights.
class FloatBuffer {
 public:
  FloatBuffer() = default;
  explicit FloatBuffer(std::size_t count) { (void)ensure(count); }

  float* data() noexcept { return data_.get(); }
  const float* data() const noexcept { return data_.get(); }
  std::size_t capacity() const noexcept { return capacity_; }

  /// Room for `count` elements; growing drops the contents and at least doubles, so that a running decode
  /// soon stops allocating. Throws std::bad_alloc.
  float* ensure(std::size_t count) {
    if (count > capacity_) {
      const std::size_t wanted = count > 2 * capacity_ ? count : 2 * capacity_;
      data_.reset();
      capacity_ = 0;
      data_.reset(allocate(wanted));
      capacity_ = wanted;
    }
    return data_.get();
  }

 private:
  struct Free {
    void operator()(float* memory) const noexcept { std::free(memory); }
  };

  static float* allocate(std::size_t count) {
    constexpr std::size_t kHugePage = std::size_t{2} << 20;
    if (count > static_cast<std::size_t>(-1) / (2 * sizeof(float)) - kHugePage) throw std::bad_alloc();
    const std::size_t alignment = count * sizeof(float) >= 2 * kHugePage ? kHugePage : 64;
    const std::size_t bytes = (count * sizeof(float) + alignment - 1) / alignment * alignment;
    void* memory = std::aligned_alloc(alignment, bytes);
    if (memory == nullptr) throw std::bad_alloc();
#if defined(__linux__)
    // Advice only: fewer page faults for large buffers where the kernel follows it.
    if (alignment == kHugePage) (void)madvise(memory, bytes, MADV_HUGEPAGE);
#endif
    return static_cast<float*>(memory);
  }

  std::unique_ptr<float, Free> data_;
  std::size_t capacity_ = 0;
};

}  // namespace epicrisis::engine
