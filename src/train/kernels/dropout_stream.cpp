#include <algorithm>

#include "train/kernels/cpu_kernels.hpp"

namespace epicrisis::train::kernels {
namespace {

std::uint64_t mixed(std::uint64_t x) {  // SplitMix64's finalizer (Steele et al. 2014)
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

}  // namespace

DropoutStream DropoutStream::create(double probability, std::uint64_t seed) {
  DropoutStream stream;
  if (probability <= 0) return stream;
  const std::uint64_t bits = mixed(seed + 0x9E3779B97F4A7C15ULL);
  stream.seed_low = static_cast<std::uint32_t>(bits);
  stream.seed_high = static_cast<std::uint32_t>(bits >> 32);
  stream.threshold = static_cast<std::uint32_t>(std::min(probability * 0x1p32, 0x1p32 - 1));
  stream.scale = static_cast<float>(1.0 / (1.0 - probability));
  return stream;
}

DropoutStream DropoutStream::part(std::uint64_t index) const {
  DropoutStream part = *this;
  const std::uint64_t bits =
      mixed((std::uint64_t{seed_high} << 32 | seed_low) + (index + 1) * 0x9E3779B97F4A7C15ULL);
  part.seed_low = static_cast<std::uint32_t>(bits);
  part.seed_high = static_cast<std::uint32_t>(bits >> 32);
  return part;
}

}  // namespace epicrisis::train::kernels
