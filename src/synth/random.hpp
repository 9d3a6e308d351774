#pragma once

#include <cstddef>
#include <cstdint>

namespace epicrisis::synth {

/// SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators"). Integers only
/// and no std::*_distribution: the same seed gives the same notes with every compiler and standard library.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  /// A stream of its own for item `index` under `seed`: notes can be made in any order.
  static Random for_item(std::uint64_t seed, std::uint64_t index) {
    Random outer(seed);
    return Random(outer.next() ^ mix(index + kIncrement));
  }

  std::uint64_t next() { return mix(state_ += kIncrement); }

  /// Uniform in [0, n); 0 when n is 0. The bias of the multiply-shift is below 2^-32 for the n used here.
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(((next() >> 32) * n) >> 32); }

  /// Uniform in [low, high], both included; `low` when the range is empty.
  int between(int low, int high) {
    return high <= low ? low : low + static_cast<int>(below(static_cast<std::size_t>(high - low) + 1));
  }

  /// True in `percent` of a hundred cases.
  bool chance(int percent) { return between(0, 99) < percent; }

  /// True in `per_million` of a million cases.
  bool chance_per_million(int per_million) { return between(0, 999'999) < per_million; }

 private:
  static constexpr std::uint64_t kIncrement = 0x9e3779b97f4a7c15ULL;

  static std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }

  std::uint64_t state_;
};

}  // namespace epicrisis::synth
