#include "hub/model_reference.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <system_error>

#include "checkpoint/archive.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;

bool is_model_name(std::string_view ref) {
  return !ref.empty() && ref.front() != '.' && std::all_of(ref.begin(), ref.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  });
}

bool is_archive_name(std::string_view ref) { return ref.ends_with(".tar.gz") || ref.ends_with(".tgz"); }

Result<ModelFolder> find_by_name(std::string_view name, const std::vector<fs::path>& places) {
  std::vector<std::string> looked_in;
  for (const fs::path& place : places) {
    std::error_code ignored;
    if (fs::exists(place / name / "config.json", ignored))
      return ModelFolder(std::string(name), place / name);
    looked_in.push_back(fmt::format("'{}'", place.string()));
  }
  if (looked_in.empty()) looked_in.emplace_back("no folder of models: set EPICRISIS_MODELS to one");
  return Error{ErrorCode::kNotFound,
               fmt::format("There is no model '{}'; give a folder, a .tar.gz or the name of a model.", name),
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

Result<ModelFolder> resolve_model(std::string_view ref) { return resolve_model(ref, model_places()); }

Result<ModelFolder> resolve_model(std::string_view ref, const std::vector<fs::path>& places) {
  if (ref.empty()) return find_by_name(kBundledModel, places);
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
  if (is_model_name(ref) && !is_archive_name(ref)) return find_by_name(ref, places);
  return Error{ErrorCode::kNotFound, fmt::format("There is no model folder or archive '{}'.", ref), ""};
}

}  // namespace epicrisis
