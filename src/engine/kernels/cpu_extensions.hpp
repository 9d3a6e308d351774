#pragma once

namespace epicrisis::kernels {

/// Instructions that Highway's targets do not tell of and that some kernels use by intrinsics, on AVX-512
/// only.
struct CpuExtensions {
  bool vnni = false;      ///< AVX512_VNNI: sums of four int8 products.
  bool bfloat16 = false;  ///< AVX512_BF16: sums of two bfloat16 products.
};

/// What this processor has, less what a test turned off.
CpuExtensions cpu_extensions() noexcept;

/// Uses none that `allowed` lacks from now on. For tests; not to be called while kernels run.
void limit_cpu_extensions_for_test(CpuExtensions allowed) noexcept;

}  // namespace epicrisis::kernels
