#pragma once

#include <filesystem>
#include <string>

#include "base/result.hpp"
#include "train/transformer.hpp"

namespace epicrisis::train {

/// Writes the model's adapters, and nothing else of it, into `folder`, which exists: adapter_config.json and
/// adapter_model.safetensors under PEFT's names, with B's rows in the order of the family's files. An adapter
/// of a part of a fused matrix (query of c_attn), which PEFT does not have, stands under its canonical name.
/// base_model: what the configuration says the adapters belong to.
Result<void> save_adapters(const Transformer& model, const std::string& base_model,
                           const std::filesystem::path& folder);

/// Reads them back. Errors: kNotFound; kCorrupt naming a tensor that is missing or has another shape;
/// kConflict when they were trained with another alpha.
Result<void> load_adapters(Transformer& model, const std::filesystem::path& folder);

/// Whether `folder` holds adapters instead of a whole model.
bool holds_adapters(const std::filesystem::path& folder);

/// Merges the adapters of `model` for good, as Transformer::merge_adapters(), and compares its logits for
/// `probe` before and after. Errors: kInternal when they differ by more than rounding; nothing should be
/// written then.
Result<void> merge_adapters_checked(Transformer& model, const data::PackedBatch& probe);

}  // namespace epicrisis::train
