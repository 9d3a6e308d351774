#pragma once

#include <cstdint>

namespace epicrisis {

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014): the same
/// numbers on every machine, which the distributions of the standard library do not promise.
class RandomStream {
 public:
  /// The stream `stream` of the seed: streams of one seed are as good as independent.
  RandomStream(std::uint64_t seed, std::uint64_t stream) noexcept : state_(seed) {
    state_ = next() ^ (stream * 0xD1B54A32D192ED03ULL);
  }

  std::uint64_t next() noexcept {
    state_ += 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }

  /// Uniform in [0, 1), 53 bits.
  double uniform() noexcept { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

 private:
  std::uint64_t state_;
};

}  // namespace epicrisis
