#include "hub/model_reference.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>
#include <map>
#include <system_error>

#include "base/folders.hpp"
#include "checkpoint/archive.hpp"
#include "hub/model_search.hpp"
#include "hub/store.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;

Result<ModelFolder> find_in_store(const ModelName& name, const fs::path& root) {
  EPICRISIS_ASSIGN_OR_RETURN(const StoredModel model, Store(root).find(name));
  return ModelFolder(model.reference(), model.files);
}

Result<ModelFolder> find_by_name(const ModelName& name, const ModelSearch& search) {
  std::vector<std::string> looked_in;
  if (!name.version) {
    for (const fs::path& place : search.places) {
      std::error_code ignored;
      if (fs::exists(place / name.name / "config.json", ignored))
        return ModelFolder(name.name, place / name.name);
      looked_in.push_back(fmt::format("'{}'", place.string()));
    }
  }
  if (search.store) {
    Result<ModelFolder> stored = find_in_store(name, *search.store);
    // Without a version the message below says where else a model could have been.
    if (stored || name.version || stored.error().code != ErrorCode::kNotFound) return stored;
    looked_in.push_back(fmt::format("the store '{}'", search.store->string()));
  }
  if (looked_in.empty())
    looked_in.emplace_back("no folder of models: set EPICRISIS_MODELS or EPICRISIS_HUB to one");
  return Error{
      ErrorCode::kNotFound,
      fmt::format("There is no model '{}'; give a folder, a .tar.gz or the name of a model.", name.name),
      fmt::format("looked in {}", fmt::join(looked_in, ", "))};
}

Result<ModelFolder> unpack(std::string_view ref) {
  EPICRISIS_ASSIGN_OR_RETURN(TemporaryDirectory folder, TemporaryDirectory::create());
  EPICRISIS_RETURN_IF_ERROR(extract_tar_gz(fs::path(ref), folder.path()));
  auto unpacked = std::make_shared<const TemporaryDirectory>(std::move(folder));
  return ModelFolder(std::string(ref), unpacked->path(), unpacked);
}

}  // namespace

std::vector<fs::path> model_places() {
  std::vector<fs::path> places;
  if (const char* const named = std::getenv("EPICRISIS_MODELS"); named != nullptr && *named != '\0') {
    places.emplace_back(named);
  }
  std::error_code failure;
  const fs::path program = fs::read_symlink("/proc/self/exe", failure);
  if (failure) return places;
  places.push_back(program.parent_path().parent_path() / "share" / "epicrisis" / "models");
  constexpr int kMaxLevels = 6;  // build/<preset>/apps/epicrisis/epicrisis is four below the root
  fs::path above = program.parent_path();
  for (int level = 0; level < kMaxLevels && above != above.root_path(); ++level) {
    above = above.parent_path();
    // A build file beside it tells the source tree from a folder that happens to be called "models".
    if (fs::is_directory(above / "models", failure) && fs::exists(above / "CMakePresets.json", failure)) {
      places.push_back(above / "models");
      break;
    }
  }
  return places;
}

std::vector<BundledModel> bundled_models(const std::vector<fs::path>& places) {
  std::map<std::string, fs::path> found;
  for (const fs::path& place : places) {
    const auto entries = entries_of(place);
    if (!entries) continue;  // a place that is not there holds no model
    for (const fs::directory_entry& entry : *entries) {
      std::error_code failed;
      std::string name = entry.path().filename().string();
      if (is_model_name(name) && fs::exists(entry.path() / "config.json", failed))
        found.try_emplace(std::move(name), entry.path());
    }
  }
  std::vector<BundledModel> models;
  for (const auto& [name, path] : found) models.push_back({name, path});
  return models;
}

Result<ModelFolder> resolve_model(std::string_view ref) {
  return resolve_model_in({model_places(), Store::default_root()}, ref);
}

Result<ModelFolder> resolve_model(std::string_view ref, const std::vector<fs::path>& places) {
  return resolve_model_in({places, {}}, ref);
}

Result<ModelFolder> resolve_model_in(const ModelSearch& search, std::string_view ref) {
  if (ref.empty()) return find_by_name({std::string(kBundledModel), {}}, {search.places, {}});
  if (ref.starts_with("s3://")) {
    return Error{ErrorCode::kUnsupported,
                 "Models in object storage cannot be read yet; download the model and give its folder.",
                 fmt::format("'{}'", ref)};
  }
  std::error_code ignored;
  const fs::path path(ref);
  if (fs::is_directory(path, ignored)) return ModelFolder(std::string(ref), path);
  if (fs::exists(path, ignored)) {
    if (is_archive_name(ref)) return unpack(ref);
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("'{}' is neither a model folder nor a .tar.gz.", ref), ""};
  }
  if (const Result<ModelName> name = parse_model_name(ref)) return find_by_name(*name, search);
  return Error{ErrorCode::kNotFound, fmt::format("There is no model folder or archive '{}'.", ref), ""};
}

}  // namespace epicrisis
