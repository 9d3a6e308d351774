#include "engine/kernels/cpu_extensions.hpp"

namespace epicrisis::kernels {
namespace {

CpuExtensions detect() noexcept {
#if defined(__x86_64__)
  return {__builtin_cpu_supports("avx512vnni") > 0, __builtin_cpu_supports("avx512bf16") > 0};
#else
  return {};
#endif
}

CpuExtensions& current() noexcept {
  static CpuExtensions extensions = detect();
  return extensions;
}

}  // namespace

CpuExtensions cpu_extensions() noexcept { return current(); }

void limit_cpu_extensions_for_test(CpuExtensions allowed) noexcept {
  const CpuExtensions found = detect();
  current() = {found.vnni && allowed.vnni, found.bfloat16 && allowed.bfloat16};
}

}  // namespace epicrisis::kernels
