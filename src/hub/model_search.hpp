#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "hub/model_reference.hpp"

namespace epicrisis {

/// A model in one of model_places(): there under its name, and read-only.
struct BundledModel {
  std::string name;
  std::filesystem::path path;
};

/// The models in `places` by name, sorted; of several with one name, the first: what resolve_model() finds.
std::vector<BundledModel> bundled_models(const std::vector<std::filesystem::path>& places);

/// Where names of models are looked up, in this order.
struct ModelSearch {
  std::vector<std::filesystem::path> places;   ///< Folders with a folder for each model, called as the model.
  std::optional<std::filesystem::path> store;  ///< Root of a Store: NAME is its latest version.
};

/// resolve_model() with another search: by default model_places() and Store::default_root(). NAME@VERSION is
/// looked for in the store only.
Result<ModelFolder> resolve_model_in(const ModelSearch& search, std::string_view ref);

}  // namespace epicrisis
