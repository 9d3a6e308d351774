#include "hub/store.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <system_error>
#include <utility>

#include "base/files.hpp"
#include "base/folders.hpp"
#include "hub/detail/text.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kManifestFile = "manifest.json";
constexpr std::uint64_t kMaxManifestBytes = 4ULL << 20;
constexpr std::string_view kContentPrefix = "sha256:";

std::optional<fs::path> named_by(const char* variable) {
  const char* const value = std::getenv(variable);
  if (value == nullptr || *value == '\0') return {};
  return fs::path(value);
}

/// Names of the folders in `folder` that satisfy `accepts`, sorted; none when it is not there. A name that
/// does not is none of ours: a half-made version, or what a user put there.
template <class Accepts>
Result<std::vector<std::string>> folders_in(const fs::path& folder, Accepts accepts) {
  std::vector<std::string> names;
  std::error_code ignored;
  if (!fs::exists(folder, ignored)) return names;
  EPICRISIS_ASSIGN_OR_RETURN(const auto entries, entries_of(folder));
  for (const fs::directory_entry& entry : entries) {
    std::string name = entry.path().filename().string();
    if (accepts(name) && entry.is_directory(ignored)) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<StoredModel> read_version(const fs::path& folder, const std::string& name,
                                 const std::string& version) {
  const fs::path file = folder / kManifestFile;
  EPICRISIS_ASSIGN_OR_RETURN(const std::string text, read_file(file, kMaxManifestBytes));
  EPICRISIS_ASSIGN_OR_RETURN(Manifest manifest, parse_manifest(text, file.string()));
  if (manifest.name != name || manifest.version != version) {
    return Error{ErrorCode::kCorrupt, fmt::format("'{}' is the manifest of another model.", file.string()),
                 manifest.name + "@" + manifest.version};
  }
  return StoredModel{std::move(manifest), folder / "files"};
}

/// The versions of one name in the order they were stored, and what is wrong with others.
Result<StoreListing> read_versions(const fs::path& models, const std::string& name) {
  StoreListing found;
  EPICRISIS_ASSIGN_OR_RETURN(const auto versions, folders_in(models / name, is_model_version));
  for (const std::string& version : versions) {
    Result<StoredModel> model = read_version(models / name / version, name, version);
    // A version that was removed between listing and reading was never there.
    std::error_code ignored;
    if (!model && !fs::exists(models / name / version, ignored)) continue;
    if (model) {
      found.models.push_back(std::move(*model));
    } else {
      Error error = model.error();
      error.detail += fmt::format("{}in the store as {}@{}", error.detail.empty() ? "" : ", ", name, version);
      found.damaged.push_back(std::move(error));
    }
  }
  std::sort(found.models.begin(), found.models.end(), [](const StoredModel& a, const StoredModel& b) {
    return a.manifest.sequence < b.manifest.sequence;
  });
  if (!found.models.empty()) found.models.back().latest = true;
  return found;
}

/// Whether `version`, "sha256:" and the first digits of a hash, is of this model's content.
bool matches(const StoredModel& model, const std::string& version) {
  return model.manifest.content_sha256.starts_with(std::string_view(version).substr(kContentPrefix.size()));
}

Error not_found(const ModelName& name, const std::vector<StoredModel>& versions, const fs::path& root) {
  if (versions.empty()) {
    return {
        ErrorCode::kNotFound,
        fmt::format("There is no model '{}' in the store; 'epicrisis hub list' shows what is.", name.name),
        fmt::format("looked in '{}'", root.string())};
  }
  std::vector<std::string> known;
  for (const StoredModel& model : versions) known.push_back(model.manifest.version);
  return {ErrorCode::kNotFound,
          fmt::format("The model '{}' has no version '{}' in the store.", name.name, *name.version),
          fmt::format("it has {}; looked in '{}'", fmt::join(known, ", "), root.string())};
}

/// The number that `version` is, or 0.
std::int64_t as_number(std::string_view version) {
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(version.data(), version.data() + version.size(), number);
  return failure == std::errc() && end == version.data() + version.size() ? number : 0;
}

std::string utc_now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now));
}

Result<void> create_folders(const fs::path& folder) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) return system_error(failed.value(), "create", folder);
  return {};
}

/// Makes a staged folder readable for whoever may read the store: temporary folders are private.
Result<void> open_to_readers(const fs::path& folder) {
  using fs::perms;
  std::error_code failed;
  fs::permissions(
      folder,
      perms::owner_all | perms::group_read | perms::group_exec | perms::others_read | perms::others_exec,
      failed);
  if (failed) return system_error(failed.value(), "publish", folder);
  return {};
}

/// Syncs the folders of the staged files; the files themselves were synced when they were added.
Result<void> sync_folders(const fs::path& folder) {
  EPICRISIS_ASSIGN_OR_RETURN(const auto entries, entries_below(folder));
  for (const fs::directory_entry& entry : entries) {
    std::error_code ignored;
    if (entry.is_directory(ignored)) EPICRISIS_RETURN_IF_ERROR(sync_to_disk(entry.path()));
  }
  return sync_to_disk(folder);
}

Result<void> rename_folder(const fs::path& from, const fs::path& to) {
  std::error_code failed;
  fs::rename(from, to, failed);
  if (failed) return system_error(failed.value(), "move", from);
  return {};
}

}  // namespace

std::optional<fs::path> Store::default_root() {
  if (auto named = named_by("EPICRISIS_HUB")) return named;
  // The XDG base directory specification: a relative path is to be ignored.
  if (const auto data = named_by("XDG_DATA_HOME"); data && data->is_absolute())
    return *data / "epicrisis" / "hub";
  if (const auto home = named_by("HOME")) return *home / ".local" / "share" / "epicrisis" / "hub";
  return {};
}

Result<StoreListing> Store::list() const {
  StoreListing all;
  EPICRISIS_ASSIGN_OR_RETURN(const auto names, folders_in(models(), is_model_name));
  for (const std::string& name : names) {
    EPICRISIS_ASSIGN_OR_RETURN(StoreListing found, read_versions(models(), name));
    std::move(found.models.begin(), found.models.end(), std::back_inserter(all.models));
    std::move(found.damaged.begin(), found.damaged.end(), std::back_inserter(all.damaged));
  }
  return all;
}

Result<StoreListing> Store::list(const ModelName& name) const {
  if (name.version) {
    EPICRISIS_ASSIGN_OR_RETURN(StoredModel model, find(name));
    return StoreListing{{std::move(model)}, {}};
  }
  EPICRISIS_ASSIGN_OR_RETURN(StoreListing found, read_versions(models(), name.name));
  if (found.models.empty() && found.damaged.empty()) return not_found(name, found.models, root_);
  return found;
}

Result<StoredModel> Store::find(const ModelName& name) const {
  if (name.version && is_model_version(*name.version)) {
    const fs::path folder = models() / name.name / *name.version;
    std::error_code ignored;
    if (fs::is_directory(folder, ignored)) {
      EPICRISIS_ASSIGN_OR_RETURN(StoredModel model, read_version(folder, name.name, *name.version));
      EPICRISIS_ASSIGN_OR_RETURN(const StoreListing others, read_versions(models(), name.name));
      model.latest = !others.models.empty() && others.models.back().manifest == model.manifest;
      return model;
    }
    EPICRISIS_ASSIGN_OR_RETURN(const StoreListing others, read_versions(models(), name.name));
    return not_found(name, others.models, root_);
  }
  EPICRISIS_ASSIGN_OR_RETURN(const StoreListing found, read_versions(models(), name.name));
  if (!found.damaged.empty()) return found.damaged.front();
  if (!name.version && !found.models.empty()) return found.models.back();
  const StoredModel* match = nullptr;
  for (const StoredModel& model : found.models) {
    if (!name.version || !matches(model, *name.version)) continue;
    if (match != nullptr) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("'{}' is the start of several content hashes of '{}'; give more digits.",
                               *name.version, name.name),
                   ""};
    }
    match = &model;
  }
  if (match == nullptr) return not_found(name, found.models, root_);
  return *match;
}

Result<Staging> Store::stage() const {
  const fs::path folder = root_ / "staging";
  EPICRISIS_RETURN_IF_ERROR(create_folders(folder));
  return Staging::create(folder, lock_file());
}

Result<Published> Store::publish(Staging staging, const std::string& name,
                                 const std::optional<std::string>& version, ModelFacts facts,
                                 ModelOrigin origin) const {
  Manifest manifest{name, "", 1, utc_now(), "", std::move(facts), std::move(origin), staging.files()};
  manifest.content_sha256 = content_sha256(manifest.files);

  EPICRISIS_ASSIGN_OR_RETURN(const FileLock guard, FileLock::acquire(lock_file()));
  EPICRISIS_ASSIGN_OR_RETURN(const StoreListing versions, read_versions(models(), name));
  std::int64_t highest = 0;
  for (const StoredModel& model : versions.models) {
    if (model.manifest.content_sha256 == manifest.content_sha256) {
      if (!version || *version == model.manifest.version) return Published{model, false};
      return Error{ErrorCode::kConflict,
                   fmt::format("The same content is stored as {} already; a content has one version.",
                               model.reference()),
                   ""};
    }
    manifest.sequence = std::max(manifest.sequence, model.manifest.sequence + 1);
  }
  EPICRISIS_ASSIGN_OR_RETURN(const auto folders, folders_in(models() / name, is_model_version));
  for (const std::string& folder : folders) highest = std::max(highest, as_number(folder));
  manifest.version = version ? *version : std::to_string(highest + 1);
  const fs::path target = models() / name / manifest.version;
  if (std::find(folders.begin(), folders.end(), manifest.version) != folders.end()) {
    return Error{ErrorCode::kConflict,
                 fmt::format("{}@{} exists with other content; choose another version, or remove it first.",
                             name, manifest.version),
                 ""};
  }
  std::error_code failed;
  fs::remove_all(staging.scratch_folder(), failed);
  if (failed) return system_error(failed.value(), "remove", staging.scratch_folder());
  EPICRISIS_RETURN_IF_ERROR(sync_folders(staging.files_folder()));
  EPICRISIS_RETURN_IF_ERROR(
      write_file_atomically(staging.folder() / kManifestFile, format_manifest(manifest)));
  EPICRISIS_RETURN_IF_ERROR(open_to_readers(staging.folder()));
  EPICRISIS_RETURN_IF_ERROR(create_folders(target.parent_path()));
  EPICRISIS_RETURN_IF_ERROR(rename_folder(staging.folder(), target));
  for (const fs::path& folder : {target.parent_path(), models(), root_})
    EPICRISIS_RETURN_IF_ERROR(sync_to_disk(folder));
  return Published{{std::move(manifest), target / "files", true}, true};
}

Result<std::vector<std::string>> Store::remove(const ModelName& name, bool all) const {
  std::error_code failed;
  if (!fs::is_directory(models() / name.name, failed)) return not_found(name, {}, root_);
  std::vector<std::string> versions;
  if (name.version) {
    // A version by its folder: a damaged manifest must not keep a model from being removed.
    if (is_model_version(*name.version) && fs::is_directory(models() / name.name / *name.version, failed)) {
      versions = {*name.version};
    } else {
      EPICRISIS_ASSIGN_OR_RETURN(const StoredModel model, find(name));
      versions = {model.manifest.version};
    }
  } else {
    EPICRISIS_ASSIGN_OR_RETURN(versions, folders_in(models() / name.name, is_model_version));
    if (versions.size() > 1 && !all) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("'{}' has {} versions; name one as {}@VERSION, or give --all.", name.name,
                               versions.size(), name.name),
                   fmt::format("it has {}", fmt::join(versions, ", "))};
    }
  }
  EPICRISIS_ASSIGN_OR_RETURN(const Staging grave, stage());
  EPICRISIS_ASSIGN_OR_RETURN(const FileLock guard, FileLock::acquire(lock_file()));
  std::vector<std::string> removed;
  for (const std::string& version : versions) {
    // Out of sight by one rename; its bytes go when `grave` does.
    EPICRISIS_RETURN_IF_ERROR(
        rename_folder(models() / name.name / version, grave.scratch_folder() / version));
    removed.push_back(name.name + "@" + version);
  }
  fs::remove(models() / name.name, failed);  // stays when versions are left
  EPICRISIS_RETURN_IF_ERROR(sync_to_disk(models()));
  return removed;
}

fs::path Store::download_folder(const std::string& key) const { return root_ / "downloads" / key; }

Result<std::uint64_t> Store::free_bytes() const {
  fs::path there = fs::absolute(root_);
  std::error_code failed;
  while (!fs::exists(there, failed) && there.has_relative_path()) there = there.parent_path();
  const fs::space_info space = fs::space(there, failed);
  if (failed) return system_error(failed.value(), "read the free space of", there);
  return space.available;
}

}  // namespace epicrisis
