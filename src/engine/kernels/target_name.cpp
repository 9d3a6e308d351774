#include "engine/kernels/target_name.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/target_name.cpp"
#include "engine/kernels/every_target-inl.h"

HWY_BEFORE_NAMESPACE();
namespace epicrisis::kernels::HWY_NAMESPACE {
namespace {
const char* TargetName() { return hwy::TargetName(HWY_TARGET); }
}  // namespace
}  // namespace epicrisis::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace epicrisis::kernels {
HWY_EXPORT(TargetName);
std::string_view target_name() noexcept { return HWY_DYNAMIC_DISPATCH(TargetName)(); }
}  // namespace epicrisis::kernels
#endif
