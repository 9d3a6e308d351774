// By intrinsics: Highway 1.0.3 has no dot products of int8 and bfloat16 elements.
#include "engine/kernels/limits.hpp"

#if defined(__x86_64__)
#if !defined(__clang__)  // GCC takes the undefined vectors of its own header for uninitialised ones.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#endif

namespace epicrisis::kernels {
#if defined(__x86_64__)
namespace {
// More than latency times throughput of a dot product on any processor.
constexpr int kChains = 16;
}  // namespace

__attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni"))) double multiply_int8_vnni(
    int rounds, std::uint64_t& sink) noexcept {
  volatile int ones = 0x01010101;  // so that nothing is computed at compile time
  const __m512i x = _mm512_set1_epi32(ones);
  __m512i chains[kChains];
#pragma GCC unroll 16
  for (int i = 0; i < kChains; ++i) chains[i] = _mm512_set1_epi32(ones + i);
  for (int round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (int i = 0; i < kChains; ++i) chains[i] = _mm512_dpbusd_epi32(chains[i], x, x);
  }
  __m512i sum = chains[0];
#pragma GCC unroll 16
  for (int i = 1; i < kChains; ++i) sum = _mm512_add_epi32(sum, chains[i]);
  sink += static_cast<std::uint64_t>(_mm512_reduce_add_epi32(sum));
  return 2.0 * kChains * 64 * rounds;
}

__attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16"))) double multiply_bfloat16_avx512(
    int rounds, std::uint64_t& sink) noexcept {
  volatile int small = 0x00800080;  // two bfloat16 elements next to nothing: sums stay finite
  const auto x = (__m512bh)_mm512_set1_epi32(small);
  __m512 chains[kChains];
#pragma GCC unroll 16
  for (int i = 0; i < kChains; ++i) chains[i] = _mm512_set1_ps(static_cast<float>(small + i));
  for (int round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (int i = 0; i < kChains; ++i) chains[i] = _mm512_dpbf16_ps(chains[i], x, x);
  }
  __m512 sum = chains[0];
#pragma GCC unroll 16
  for (int i = 1; i < kChains; ++i) sum = _mm512_add_ps(sum, chains[i]);
  sink += static_cast<std::uint64_t>(_mm512_reduce_add_ps(sum));
  return 2.0 * kChains * 32 * rounds;
}
#else
double multiply_int8_vnni(int, std::uint64_t&) noexcept { return 0; }
double multiply_bfloat16_avx512(int, std::uint64_t&) noexcept { return 0; }
#endif

}  // namespace epicrisis::kernels
