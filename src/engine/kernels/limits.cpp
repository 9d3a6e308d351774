#include "engine/kernels/limits.hpp"

#include <bit>

#include "engine/kernels/cpu_extensions.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/limits.cpp"
#include "engine/kernels/every_target-inl.h"

#include <hwy/cache_control.h>

HWY_BEFORE_NAMESPACE();
namespace epicrisis::kernels::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// More than latency times throughput of a multiply-add on any processor, and few enough for 16 registers.
constexpr int kChains = 10;

double MultiplyFloat32(int rounds, std::uint64_t& sink) {
  const hn::ScalableTag<float> d;
  volatile float factor = 0.999F;  // so that nothing is computed at compile time
  const auto x = hn::Set(d, factor);
  const auto y = hn::Set(d, 1.0F - factor);
  hn::Vec<decltype(d)> chains[kChains];
#pragma GCC unroll 10
  for (int i = 0; i < kChains; ++i) chains[i] = hn::Set(d, factor + static_cast<float>(i));
  for (int round = 0; round < rounds; ++round) {
#pragma GCC unroll 10
    for (int i = 0; i < kChains; ++i) chains[i] = hn::MulAdd(chains[i], x, y);
  }
  auto sum = chains[0];
#pragma GCC unroll 10
  for (int i = 1; i < kChains; ++i) sum = hn::Add(sum, chains[i]);
  sink += std::bit_cast<std::uint32_t>(hn::GetLane(sum));
  return 2.0 * kChains * static_cast<double>(hn::Lanes(d)) * rounds;
}

std::uint64_t ReadInOrder(const std::byte* bytes, std::size_t count, std::ptrdiff_t prefetch_bytes) {
  const hn::ScalableTag<std::uint64_t> d;
  constexpr std::size_t kStreams = 8;
  const std::size_t lanes = hn::Lanes(d);
  const auto* words = reinterpret_cast<const std::uint64_t*>(bytes);
  const std::size_t word_count = count / sizeof(std::uint64_t);
  hn::Vec<decltype(d)> sums[kStreams];
#pragma GCC unroll 8
  for (std::size_t s = 0; s < kStreams; ++s) sums[s] = hn::Zero(d);
  constexpr std::size_t kLineWords = 8;
  for (std::size_t i = 0; i < word_count; i += kStreams * lanes) {
    if (prefetch_bytes > 0) {
      for (std::size_t line = 0; line < kStreams * lanes; line += kLineWords)
        hwy::Prefetch(reinterpret_cast<const std::byte*>(words + i + line) + prefetch_bytes);
    }
#pragma GCC unroll 8
    for (std::size_t s = 0; s < kStreams; ++s)
      sums[s] = hn::Add(sums[s], hn::LoadU(d, words + i + s * lanes));
  }
  auto sum = sums[0];
#pragma GCC unroll 8
  for (std::size_t s = 1; s < kStreams; ++s) sum = hn::Add(sum, sums[s]);
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

}  // namespace
}  // namespace epicrisis::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace epicrisis::kernels {
HWY_EXPORT(MultiplyFloat32);
HWY_EXPORT(ReadInOrder);

double multiply_in_registers(ComputeType type, int rounds, std::uint64_t& sink) noexcept {
  const CpuExtensions extensions = cpu_extensions();
  if (type == ComputeType::kInt8 && extensions.vnni) return multiply_int8_vnni(rounds, sink);
  if (type == ComputeType::kBFloat16 && extensions.bfloat16) return multiply_bfloat16_avx512(rounds, sink);
  return HWY_DYNAMIC_DISPATCH(MultiplyFloat32)(rounds, sink);
}

std::uint64_t read_in_order(std::span<const std::byte> bytes, std::ptrdiff_t prefetch_bytes) noexcept {
  return HWY_DYNAMIC_DISPATCH(ReadInOrder)(bytes.data(), bytes.size(), prefetch_bytes);
}
}  // namespace epicrisis::kernels
#endif
