#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "base/result.hpp"
#include "checkpoint/weights.hpp"

namespace epicrisis {

/// Longest header that is read; the models we know stay below 0.5 MiB. Parsed JSON takes some twenty times
/// the bytes of its text, so this is what bounds the memory a hostile file can claim.
inline constexpr std::uint64_t kMaxSafetensorsHeaderBytes = 8ULL << 20;

/// Maps a .safetensors file; the tensors are views into it, under the names in the file.
/// Format: docs/formats/checkpoint.md. Errors: kNotFound, kCorrupt naming file and tensor, kUnsupported for
/// an element type or a rank outside ours.
Result<Weights> read_safetensors(const std::filesystem::path& path);

/// The tensors in `bytes`, a whole .safetensors file; views into it. `what` names the source in errors.
Result<Weights::Map> parse_safetensors(std::span<const std::byte> bytes, std::string_view what);

/// Writes `tensors` to `path`, whole or not at all. Floating-point tensors become `dtype` (float32, float16,
/// bfloat16), others stay as they are. Equal tensors give equal bytes. Errors: kInvalidArgument naming a
/// tensor with a value too large for `dtype`, kResourceExhausted for a full disk.
Result<void> write_safetensors(const std::filesystem::path& path, const Weights::Map& tensors, DType dtype);

}  // namespace epicrisis
