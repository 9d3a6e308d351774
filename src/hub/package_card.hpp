#pragma once

#include <filesystem>
#include <string>

#include "base/result.hpp"
#include "checkpoint/checkpoint.hpp"

namespace epicrisis {

/// A model card (Mitchell et al. 2019) in Markdown with the front matter of the Hugging Face hub: what the
/// checkpoint computes and, from metrics.jsonl or all_results.json in `folder`, the figures its training
/// left. Equal input gives equal text. Errors: kCorrupt for a figures file that is no JSON.
Result<std::string> generate_card(const Checkpoint& checkpoint, const std::filesystem::path& folder,
                                  const std::string& name, const std::string& trained_for);

/// Elements of all tensors; tied ones count once. Position tables that are computed do not count.
std::int64_t count_parameters(const Checkpoint& checkpoint);

/// The element type of the weights; float32 when they are of several.
DType weight_dtype(const Weights& weights);

}  // namespace epicrisis
