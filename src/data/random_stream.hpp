#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace epicrisis::data {

/// SplitMix64 (Steele et al. 2014): a small random stream whose numbers are the same on every machine, so
/// that runs repeat. Seeded by what it is for (run, epoch, example), it needs no saved state.
class RandomStream {
 public:
  explicit RandomStream(std::uint64_t seed, std::uint64_t first = 0, std::uint64_t second = 0)
      : state_(seed) {
    state_ = next() ^ (first * 0xD1342543DE82EF95ULL);
    state_ = next() ^ (second * 0xAF251AF3B0F025B5ULL);
  }

  std::uint64_t next() {
    std::uint64_t bits = (state_ += 0x9E3779B97F4A7C15ULL);
    bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9ULL;
    bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EBULL;
    return bits ^ (bits >> 31);
  }
  /// In [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  /// In [0, bound); bound > 0. The bias of the remainder is below 2^-32 for any data set.
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }

  template <class T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  std::uint64_t state_;
};

}  // namespace epicrisis::data
