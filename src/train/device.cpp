#include "train/device.hpp"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/version.h>

#include <mutex>

// What says by device whether autocast is on: since 2.4.
#define EPICRISIS_AUTOCAST_BY_DEVICE \
  (TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4))

namespace epicrisis::train {
namespace {

void set_autocast(const at::Device& device, bool enabled) {
#if EPICRISIS_AUTOCAST_BY_DEVICE
  if (enabled) at::autocast::set_autocast_dtype(device.type(), at::kBFloat16);
  at::autocast::set_autocast_enabled(device.type(), enabled);
#else
  if (device.is_cuda()) {
    if (enabled) at::autocast::set_autocast_gpu_dtype(at::kBFloat16);
    at::autocast::set_enabled(enabled);
    return;
  }
  if (enabled) at::autocast::set_autocast_cpu_dtype(at::kBFloat16);
  at::autocast::set_cpu_enabled(enabled);
#endif
}

}  // namespace

at::Device choose_device(bool cpu_only, int local_rank) {
  if (cpu_only || !at::hasCUDA()) return at::kCPU;
  const c10::impl::VirtualGuardImpl guard(at::kCUDA);
  const int devices = guard.deviceCount();
  if (devices == 0) return at::kCPU;
  const at::Device device(at::kCUDA, static_cast<at::DeviceIndex>(local_rank % devices));
  guard.setDevice(device);
  return device;
}

void seed_generator(const at::Device& device, std::uint64_t seed) {
  at::Generator generator = at::globalContext().defaultGenerator(device);
  const std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_current_seed(seed);
}

bool Bfloat16Autocast::is_on(const at::Device& device) {
#if EPICRISIS_AUTOCAST_BY_DEVICE
  return at::autocast::is_autocast_enabled(device.type());
#else
  return device.is_cuda() ? at::autocast::is_enabled() : at::autocast::is_cpu_enabled();
#endif
}

Bfloat16Autocast::Bfloat16Autocast(const at::Device& device, bool enabled)
    : device_(device), switched_(enabled && !is_on(device)) {
  if (switched_) set_autocast(device_, true);
}

Bfloat16Autocast::~Bfloat16Autocast() {
  if (!switched_) return;
  set_autocast(device_, false);
  at::autocast::clear_cache();
}

}  // namespace epicrisis::train
