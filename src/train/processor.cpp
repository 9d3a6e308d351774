#include "train/processor.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace epicrisis::train {

bool cpu_multiplies_bfloat16() {
#if defined(__x86_64__)
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  constexpr unsigned kFeatures = 7, kAmxBf16 = 1U << 22, kAvx512Bf16 = 1U << 5;
  if (__get_cpuid_count(kFeatures, 0, &eax, &ebx, &ecx, &edx) != 0 && (edx & kAmxBf16) != 0) return true;
  return __get_cpuid_count(kFeatures, 1, &eax, &ebx, &ecx, &edx) != 0 && (eax & kAvx512Bf16) != 0;
#else
  return false;
#endif
}

}  // namespace epicrisis::train
