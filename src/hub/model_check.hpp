#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "checkpoint/architecture.hpp"
#include "hub/manifest.hpp"

namespace epicrisis {

/// What there is to say about a model that may be stored all the same, one sentence each. Tokens are shown
/// escaped.
using CheckNotes = std::vector<std::string>;

/// Reads config.json in `folder`. Errors: kNotFound, kCorrupt, kUnsupported naming file and key.
Result<Architecture> check_config(const std::filesystem::path& folder);

/// Loads the tokenizer in `folder` and tries it: every id it makes of a sample has an embedding in
/// `architecture`, what it decodes it encodes and decodes to the same text again, and no ordinary entry of
/// its vocabulary lies past the embeddings. Special tokens may (the published BART models have such a mask
/// token); they are noted. Errors: those of Tokenizer::load(), kCorrupt saying what failed.
Result<CheckNotes> check_tokenizer(const std::filesystem::path& folder, const Architecture& architecture);

struct CheckedModel {
  ModelFacts facts;
  CheckNotes notes;
};

/// All of the above, and a trial load of the weights: names and shapes against config.json, element types,
/// checksums where the format has them. Errors: also those of load_checkpoint().
Result<CheckedModel> check_model(const std::filesystem::path& folder);

}  // namespace epicrisis
