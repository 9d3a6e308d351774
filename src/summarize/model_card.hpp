#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace epicrisis {

/// What a model folder says about itself for people.
struct ModelCard {
  std::string name;
  std::string trained_for;  ///< One sentence: which texts it was trained on. Empty when nothing says so.
};

/// Reads `epicrisis.json` of a model folder, {"name": "...", "trained_for": "..."}, both optional; other
/// members are left to others. Without a name there, the last part of `reference`, by which the model was
/// found, stands in ("mini" of "models/mini.tar.gz"); without that, the folder's own name. Errors: kCorrupt
/// for a file of another form.
Result<ModelCard> read_model_card(const std::filesystem::path& folder, std::string_view reference = {});

}  // namespace epicrisis
