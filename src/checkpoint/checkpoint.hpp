#pragma once

#include <filesystem>
#include <string_view>

#include "base/json.hpp"
#include "base/result.hpp"
#include "checkpoint/architecture.hpp"
#include "checkpoint/weights.hpp"

namespace epicrisis {

/// A model folder in the Hugging Face layout, without its tokenizer.
struct Checkpoint {
  Architecture architecture;
  Json config;             ///< config.json as read.
  Json generation_config;  ///< generation_config.json as read; an empty object when there is none.
  Weights weights;         ///< Canonical names; every shape agrees with `architecture`.
};

enum class WeightFormat { kSafetensors, kPytorchBin };

/// "model.safetensors" or "pytorch_model.bin".
std::string_view weight_file_name(WeightFormat format) noexcept;

/// The weights that load_checkpoint() reads from `folder`: model.safetensors where there is one. Errors:
/// kNotFound naming both.
Result<WeightFormat> find_weights(const std::filesystem::path& folder);

/// Reads config.json, generation_config.json and the weights (model.safetensors is mapped, not copied; else
/// pytorch_model.bin). Errors: kNotFound naming the missing file, kUnsupported naming an unknown family or an
/// option that would change the result, kCorrupt naming file and tensor, with both shapes where they
/// disagree.
Result<Checkpoint> load_checkpoint(const std::filesystem::path& folder);

/// The Architecture that a config.json describes. Errors: kUnsupported, kCorrupt, naming the key.
Result<Architecture> read_architecture(const Json& config);

/// Writes config.json, generation_config.json and the weights into `folder`, which exists, under the family's
/// own tensor names, floating-point tensors as `dtype`. `weights` carries canonical names. Tied tensors are
/// written once.
Result<void> save_checkpoint(const Checkpoint& checkpoint, const std::filesystem::path& folder,
                             WeightFormat format, DType dtype);

}  // namespace epicrisis
