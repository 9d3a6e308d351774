#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/files.hpp"
#include "base/result.hpp"

namespace epicrisis {

/// Name of the model that an empty reference means.
inline constexpr std::string_view kBundledModel = "epicrisis-mini";

/// A model folder that a reference was resolved to. Copies share; a folder that was unpacked for it lives as
/// long as the last copy.
class ModelFolder {
 public:
  ModelFolder(std::string name, std::filesystem::path path,
              std::shared_ptr<const TemporaryDirectory> unpacked = nullptr)
      : name_(std::move(name)), path_(std::move(path)), unpacked_(std::move(unpacked)) {}

  /// The reference as given, or the bundled model's name: for people.
  const std::string& name() const noexcept { return name_; }
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::string name_;
  std::filesystem::path path_;
  std::shared_ptr<const TemporaryDirectory> unpacked_;
};

/// Folders that hold models by name, in the order they are searched: the one $EPICRISIS_MODELS names,
/// <prefix>/share/epicrisis/models of an installed program, `models` of the source tree above a build folder.
std::vector<std::filesystem::path> model_places();

/// Finds the model that `ref` means: a folder, which goes before any name; a .tar.gz, unpacked for as long as
/// the result lives; a name in model_places(), else NAME or NAME@VERSION in the store (hub/model_search.hpp);
/// when empty, kBundledModel. Errors: kNotFound naming what was looked for and where; kUnsupported for s3://;
/// kInvalidArgument for a file that is no .tar.gz; what unpacking and the store report.
Result<ModelFolder> resolve_model(std::string_view ref);
Result<ModelFolder> resolve_model(std::string_view ref, const std::vector<std::filesystem::path>& places);

}  // namespace epicrisis
