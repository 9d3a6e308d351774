#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "checkpoint/weights.hpp"

namespace epicrisis {

enum class WeightFormat { kSafetensors, kPytorchBin };

/// "model.safetensors" or "pytorch_model.bin".
std::string_view weight_file_name(WeightFormat format) noexcept;

/// The weights of a model folder: one file, or several with an index.
struct WeightFiles {
  WeightFormat format = WeightFormat::kSafetensors;
  bool sharded = false;
  std::filesystem::path path;  ///< The file, or the index.
};

/// The weights that are read from `folder`, chosen as the reference does: safetensors before .bin, one file
/// before several. Errors: kNotFound naming what was looked for.
Result<WeightFiles> find_weight_files(const std::filesystem::path& folder);

/// The names, within their folder, of the files that hold the tensors, sorted; an index is read for it.
/// Errors: as read_weight_files().
Result<std::vector<std::string>> list_weight_files(const WeightFiles& files);

/// The tensors under the names in the files, which stay mapped. Errors: those of read_safetensors() and
/// read_pytorch_bin(); kNotFound naming a file that the index names and the folder lacks; kCorrupt naming a
/// tensor that is not in the file that the index names, or in two of them.
Result<Weights> read_weight_files(const WeightFiles& files);

/// Files are split before they grow past this many bytes unless asked otherwise: the reference's "10GB".
inline constexpr std::uint64_t kDefaultShardBytes = 10'000'000'000;

/// "10GB", "200MiB" or a plain number of bytes, with the reference's units (GB: 10^9, GiB: 2^30). Errors:
/// kInvalidArgument.
Result<std::uint64_t> parse_shard_size(std::string_view text);

/// Writes `tensors` into `folder`, which exists: one file, or where their bytes as `dtype` are more than
/// `max_shard_bytes` several (model-00001-of-00002.safetensors) and, last, the index. A tensor is never
/// split. Errors: those of write_safetensors() and write_pytorch_bin(); kConflict naming a file of the folder
/// that would be read in place of the new weights.
Result<void> write_weight_files(const std::filesystem::path& folder, WeightFormat format,
                                const Weights::Map& tensors, DType dtype,
                                std::uint64_t max_shard_bytes = kDefaultShardBytes);

}  // namespace epicrisis
