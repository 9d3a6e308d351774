#pragma once

#include <c10/core/Device.h>

#include <cstdint>

namespace epicrisis::train {

/// Where a process computes: the CUDA device of its place among the processes of its machine, where LibTorch
/// has such devices and `cpu_only` does not forbid them; else the CPU. A CUDA device becomes the current one.
at::Device choose_device(bool cpu_only, int local_rank);

/// Starts the device's generator of random numbers from `seed`: what LibTorch draws next follows from it.
void seed_generator(const at::Device& device, std::uint64_t seed);

/// Lets LibTorch compute what gains by it in bfloat16 while this lives; parameters and sums stay float32.
class Bfloat16Autocast {
 public:
  /// Does nothing unless `enabled`, nor where it is on already.
  Bfloat16Autocast(const at::Device& device, bool enabled);
  Bfloat16Autocast(const Bfloat16Autocast&) = delete;
  Bfloat16Autocast& operator=(const Bfloat16Autocast&) = delete;
  ~Bfloat16Autocast();

  static bool is_on(const at::Device& device);

 private:
  at::Device device_;
  bool switched_;
};

}  // namespace epicrisis::train
