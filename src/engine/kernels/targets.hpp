// Included first by every file that Highway compiles once per instruction set.
//
// SSE4, AVX2 and AVX-512 are compiled, and plain C++ for a processor without SSE4, where every kernel is its
// reference. Float32 loops gain nothing from SSSE3 or the integer extensions of AVX-512: they would only cost
// build time. Scalable vectors cannot be held in arrays, as register tiles are.
#ifndef EPICRISIS_ENGINE_KERNELS_TARGETS_HPP_
#define EPICRISIS_ENGINE_KERNELS_TARGETS_HPP_
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#endif
