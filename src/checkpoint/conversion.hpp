#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "checkpoint/tensor.hpp"
#include "checkpoint/weight_files.hpp"

namespace epicrisis {

struct ConversionOptions {
  WeightFormat format = WeightFormat::kSafetensors;
  /// Float32, float16 or bfloat16. Absent: as stored, which must be one type.
  std::optional<DType> dtype = {};
  std::uint64_t max_shard_bytes = kDefaultShardBytes;
  bool overwrite = false;  ///< Replace a model folder that is there.
};

struct ConversionReport {
  std::vector<std::string> files;     ///< Of the new folder, sorted.
  std::vector<std::string> left_out;  ///< Of the old one: weights of other formats, hidden files, folders.
  std::uint64_t size_bytes = 0;
};

/// Writes the model in `source` as a new folder `target`: its weights in another format or element type, its
/// config.json with `torch_dtype` to match, and every other file of the folder as it is. The folder appears
/// whole, or not at all. Errors: those of load_checkpoint() and save_checkpoint() (a weight too large for
/// float16 is named), kConflict when `target` exists, kInvalidArgument for stored weights of several types
/// without `dtype`.
Result<ConversionReport> convert_checkpoint(const std::filesystem::path& source,
                                            const std::filesystem::path& target,
                                            const ConversionOptions& options);

}  // namespace epicrisis
