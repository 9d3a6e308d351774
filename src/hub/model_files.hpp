#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace epicrisis {

/// Which files of a folder or repository make the model.
struct ModelFileChoice {
  std::vector<std::string> small_files;  ///< config.json first, then tokenizer, generation, card; sorted.
  std::string weights;                   ///< The one file of weights; empty when they are sharded.
  std::string index;                     ///< The index of sharded weights; empty otherwise.
};

/// Chooses among `names`, the files at the root. Weights: model.safetensors, else sharded safetensors, else
/// pytorch_model.bin, else sharded bin: the order in which checkpoints are read, and only one of them, since
/// repositories hold several copies. Errors: kNotFound naming config.json or the weights.
Result<ModelFileChoice> choose_model_files(const std::set<std::string>& names);

/// The shards that the index named `index_name` lists, sorted. `what` names it in errors. Errors: those of
/// parse_shard_index().
Result<std::vector<std::string>> read_shard_names(std::string_view index_text, std::string_view index_name,
                                                  std::string_view what);

/// Whether `path` matches a shell pattern, where '*' matches '/' too: "onnx/*", "*.md".
bool matches_pattern(const std::string& pattern, const std::string& path);

}  // namespace epicrisis
