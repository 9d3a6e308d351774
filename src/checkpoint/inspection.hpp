#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "checkpoint/architecture.hpp"
#include "checkpoint/tensor.hpp"

namespace epicrisis {

/// What stands between a model and its use, and what is merely odd; each one line.
struct Findings {
  std::vector<std::string> problems;  ///< The model does not load as it is.
  std::vector<std::string> remarks;   ///< It loads; worth knowing.
};

/// The tensors of a model's weight files.
struct TensorInspection {
  struct Stored {
    std::uint64_t tensors = 0;
    std::uint64_t bytes = 0;
  };
  std::map<DType, Stored> stored;  ///< Everything in the files; tied copies are counted once each.
  std::uint64_t parameters = 0;    ///< Elements of the parameters found; tied ones once.
  std::map<std::string, std::uint64_t> parameters_by_part;  ///< "encoder.layers.self_attention", ...
};

/// Bytes a model takes in memory, as estimates: weights by the element type they are computed in, and keys
/// and values of one sequence, which are float32.
struct MemoryEstimate {
  std::uint64_t float32_bytes = 0;
  std::uint64_t bfloat16_bytes = 0;  ///< Matrices in bfloat16, vectors and tables in float32.
  std::uint64_t int8_bytes = 0;      ///< Matrices in int8 with a float32 scale a row, the rest in float32.
  std::uint64_t self_attention_cache_bytes = 0;   ///< For 1,000 tokens written (or of a prompt).
  std::uint64_t cross_attention_cache_bytes = 0;  ///< For 1,000 tokens of the source; 0 when decoder-only.
};

/// The components that a tokenizer.json names, by type; a Sequence stands for its members.
struct TokenizerInspection {
  std::string model;  ///< "Unigram", "BPE", "WordPiece", ...
  std::vector<std::string> normalizers;
  std::vector<std::string> pre_tokenizers;
  std::vector<std::string> post_processors;
  std::vector<std::string> decoders;
  std::uint64_t vocabulary = 0;  ///< Highest token id plus one, added tokens included.
  std::uint64_t merges = 0;
  std::uint64_t added_tokens = 0;
  std::uint64_t special_tokens = 0;  ///< Of the added tokens.
};

/// What `epicrisis inspect` tells of a model folder. Parts that could not be read are absent; `findings` says
/// why.
struct ModelInspection {
  struct File {
    std::string name;
    std::uint64_t bytes = 0;
  };
  std::string family;       ///< `model_type`
  std::string model_class;  ///< The first of `architectures`; may be empty.
  std::optional<Architecture> architecture;
  std::vector<File> files;                ///< Of the folder itself, sorted.
  std::vector<std::string> weight_files;  ///< Those the weights are read from.
  std::optional<TensorInspection> tensors;
  std::optional<MemoryEstimate> memory;
  std::optional<TokenizerInspection> tokenizer;
  Json generation = Json::object();  ///< The settings, from generation_config.json or else config.json.
  Findings findings;
};

/// Reads what there is to know of the model in `folder`, and goes on past what it cannot read. Errors:
/// kNotFound, kCorrupt for a config.json that is missing or no JSON object.
Result<ModelInspection> inspect_model(const std::filesystem::path& folder);

/// As `epicrisis inspect --json` prints it (docs/cli.md).
OrderedJson to_json(const ModelInspection& inspection);

}  // namespace epicrisis
