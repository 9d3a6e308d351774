#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

#include "base/result.hpp"
#include "checkpoint/weights.hpp"

namespace epicrisis {

/// Reads a pytorch_model.bin, as torch.save writes a dict of tensors: the zip container of PyTorch 1.6 on, or
/// the one before it. Runs no code: see detail/pickle.hpp. Contiguous tensors are views into the mapped file;
/// others are copied. Checksums of the zip are verified. Names are those in the file; tied tensors share
/// bytes. Errors: kNotFound, kCorrupt naming file and tensor, kUnsupported naming what goes beyond tensors.
Result<Weights> read_pytorch_bin(const std::filesystem::path& path);

/// The same for a whole file in memory, which the tensors are views into. The second holds copies.
struct PytorchTensors {
  Weights::Map tensors;
  std::shared_ptr<const void> copies;
};
Result<PytorchTensors> parse_pytorch_bin(std::span<const std::byte> bytes, std::string_view what);

/// Writes `tensors` as torch.save would, whole or not at all: a zip with a protocol 2 pickle, which
/// torch.load reads from 1.6 on. Floating-point tensors become `dtype` (float32, float16, bfloat16), others
/// stay. Equal tensors give equal bytes. Errors: as write_safetensors().
Result<void> write_pytorch_bin(const std::filesystem::path& path, const Weights::Map& tensors, DType dtype);

}  // namespace epicrisis
