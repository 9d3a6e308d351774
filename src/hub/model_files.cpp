#include "hub/model_files.hpp"

#include <fmt/format.h>
#include <fnmatch.h>

#include <array>

#include "checkpoint/shard_index.hpp"

namespace epicrisis {
namespace {

constexpr std::string_view kConfig = "config.json";

/// What a model may consist of besides config.json and weights: tokenizers of all families, settings, and
/// what a model says about itself and its training.
constexpr std::array<std::string_view, 20> kSmallFiles = {"LICENSE",
                                                          "LICENSE.md",
                                                          "LICENSE.txt",
                                                          "NOTICE",
                                                          "README.md",
                                                          "added_tokens.json",
                                                          "all_results.json",
                                                          "epicrisis.json",
                                                          "generation_config.json",
                                                          "merges.txt",
                                                          "metrics.jsonl",
                                                          "sentencepiece.bpe.model",
                                                          "special_tokens_map.json",
                                                          "spiece.model",
                                                          "tokenizer.json",
                                                          "tokenizer.model",
                                                          "tokenizer_config.json",
                                                          "train_results.json",
                                                          "vocab.json",
                                                          "vocab.txt"};

struct WeightFiles {
  std::string_view single;
  std::string_view index;
};
/// In order of preference.
constexpr std::array<WeightFiles, 2> kWeights = {
    WeightFiles{"model.safetensors", "model.safetensors.index.json"},
    WeightFiles{"pytorch_model.bin", "pytorch_model.bin.index.json"}};

}  // namespace

Result<ModelFileChoice> choose_model_files(const std::set<std::string>& names) {
  const auto is_there = [&](std::string_view name) { return names.count(std::string(name)) != 0; };
  if (!is_there(kConfig)) return Error{ErrorCode::kNotFound, "config.json is missing.", ""};
  ModelFileChoice choice;
  choice.small_files.emplace_back(kConfig);
  for (const std::string_view name : kSmallFiles) {
    if (is_there(name)) choice.small_files.emplace_back(name);
  }
  for (const WeightFiles& weights : kWeights) {
    if (is_there(weights.single)) {
      choice.weights = weights.single;
      return choice;
    }
    if (is_there(weights.index)) {
      choice.index = weights.index;
      return choice;
    }
  }
  return Error{ErrorCode::kNotFound,
               fmt::format("There are no weights: neither {} nor {}, whole or with an index of shards.",
                           kWeights[0].single, kWeights[1].single),
               ""};
}

Result<std::vector<std::string>> read_shard_names(std::string_view index_text, std::string_view index_name,
                                                  std::string_view what) {
  const std::string_view suffix = index_name == kWeights[0].index ? ".safetensors" : ".bin";
  EPICRISIS_ASSIGN_OR_RETURN(const ShardIndex index, parse_shard_index(index_text, suffix, what));
  std::set<std::string> shards;
  for (const auto& [tensor, file] : index.file_of) shards.insert(file);
  return std::vector<std::string>(shards.begin(), shards.end());
}

bool matches_pattern(const std::string& pattern, const std::string& path) {
  return ::fnmatch(pattern.c_str(), path.c_str(), 0) == 0;
}

}  // namespace epicrisis
