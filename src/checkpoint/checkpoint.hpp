#pragma once

#include <cstdint>
#include <filesystem>

#include "base/json.hpp"
#include "base/result.hpp"
#include "checkpoint/architecture.hpp"
#include "checkpoint/weight_files.hpp"
#include "checkpoint/weights.hpp"

namespace epicrisis {

/// A model folder in the Hugging Face layout, without its tokenizer.
struct Checkpoint {
  Architecture architecture;
  Json config;             ///< config.json as read.
  Json generation_config;  ///< generation_config.json as read; an empty object when there is none.
  Weights weights;         ///< Canonical names; every shape agrees with `architecture`.
};

/// Reads config.json, generation_config.json and the weights that find_weight_files() names; files are
/// mapped, and copied only where the family's layout differs from ours (name_map.hpp). Errors: kNotFound
/// naming the missing file, kUnsupported naming an unknown family or an option that would change the result,
/// kCorrupt naming file and tensor, with both shapes where they disagree.
Result<Checkpoint> load_checkpoint(const std::filesystem::path& folder);

/// The Architecture that a config.json describes. Errors: kUnsupported, kCorrupt, naming the key.
Result<Architecture> read_architecture(const Json& config);

/// Writes config.json, generation_config.json and the weights into `folder`, which exists, under the family's
/// own tensor names, floating-point tensors as `dtype`. `weights` carries canonical names. Tied tensors are
/// written once. Errors: as write_weight_files(); kInvalidArgument for weights that do not fit the
/// architecture.
Result<void> save_checkpoint(const Checkpoint& checkpoint, const std::filesystem::path& folder,
                             WeightFormat format, DType dtype,
                             std::uint64_t max_shard_bytes = kDefaultShardBytes);

}  // namespace epicrisis
