#pragma once

#include <filesystem>
#include <string>

#include "base/result.hpp"

namespace epicrisis {

/// What a model folder says about itself for people.
struct ModelCard {
  std::string name;
  std::string trained_for;  ///< One sentence: which texts it was trained on. Empty when nothing says so.
};

/// Reads `epicrisis.json` of a model folder, {"name": "...", "trained_for": "..."}, both optional; other
/// members are left to others. Without the file, or the name, the folder's own name stands in. Errors:
/// kCorrupt for a file of another form.
Result<ModelCard> read_model_card(const std::filesystem::path& folder);

}  // namespace epicrisis
