#include "hub/import_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <system_error>
#include <utility>

#include "base/files.hpp"
#include "base/folders.hpp"
#include "checkpoint/archive.hpp"
#include "checkpoint/shard_index.hpp"
#include "hub/detail/text.hpp"
#include "hub/model_files.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;

/// "ward-7" for "models/ward-7/" and "ward-7.tar.gz".
std::string own_name(const fs::path& source) {
  fs::path whole = fs::absolute(source).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();
  std::string name = whole.filename().string();
  for (const std::string_view ending : {".tar.gz", ".tgz"}) {
    if (name.ends_with(ending)) name.resize(name.size() - ending.size());
  }
  return name;
}

Error in_source(Error error, const fs::path& source) {
  if (!error.detail.empty()) error.detail += ", ";
  error.detail += fmt::format("in '{}'", source.string());
  return error;
}

/// Regular files at the root of `folder`; links to files count, as caches of other programs consist of them.
Result<std::set<std::string>> file_names(const fs::path& folder) {
  std::set<std::string> names;
  EPICRISIS_ASSIGN_OR_RETURN(const auto entries, entries_of(folder));
  for (const fs::directory_entry& entry : entries) {
    std::error_code ignored;
    if (entry.is_regular_file(ignored)) names.insert(entry.path().filename().string());
  }
  return names;
}

/// The files of the model in `folder`, shards included; all of them are there.
Result<std::vector<std::string>> model_files_in(const fs::path& folder) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::set<std::string> names, file_names(folder));
  EPICRISIS_ASSIGN_OR_RETURN(const ModelFileChoice choice, choose_model_files(names));
  std::vector<std::string> files = choice.small_files;
  if (choice.index.empty()) {
    files.push_back(choice.weights);
    return files;
  }
  files.push_back(choice.index);
  EPICRISIS_ASSIGN_OR_RETURN(const std::string text, read_file(folder / choice.index, kMaxShardIndexBytes));
  EPICRISIS_ASSIGN_OR_RETURN(const auto shards, read_shard_names(text, choice.index, choice.index));
  for (const std::string& shard : shards) {
    std::error_code ignored;
    if (!fs::is_regular_file(folder / shard, ignored)) {
      return Error{
          ErrorCode::kNotFound,
          fmt::format("{} names the shard {}, which is missing.", choice.index, detail::in_quotes(shard)),
          ""};
    }
    files.push_back(shard);
  }
  return files;
}

Result<std::uint64_t> total_size(const fs::path& folder, const std::vector<std::string>& files) {
  std::uint64_t total = 0;
  for (const std::string& file : files) {
    std::error_code failed;
    total += fs::file_size(folder / file, failed);
    if (failed) return system_error(failed.value(), "read", folder / file);
  }
  return total;
}

/// Copies the model's files from `folder` into `staging`.
Result<void> copy_model(const Store& store, const fs::path& folder, const ImportOptions& options,
                        Staging& staging) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::vector<std::string> files, model_files_in(folder));
  // Before gigabytes are copied: the cheapest of the checks refuses most of what will be refused.
  EPICRISIS_RETURN_IF_ERROR(check_config(folder));
  EPICRISIS_ASSIGN_OR_RETURN(const std::uint64_t total, total_size(folder, files));
  EPICRISIS_ASSIGN_OR_RETURN(const std::uint64_t available, store.free_bytes());
  if (total > available) {
    return Error{ErrorCode::kResourceExhausted,
                 fmt::format("The model takes {} bytes, but '{}' has room for {}.", total,
                             store.root().string(), available),
                 ""};
  }
  std::uint64_t done = 0;
  for (const std::string& file : files) {
    std::uint64_t last = 0;
    EPICRISIS_RETURN_IF_ERROR(staging.copy_in(folder / file, file, [&](std::uint64_t bytes) {
      last = bytes;
      if (options.progress) options.progress(done + bytes, total);
    }));
    done += last;
  }
  return {};
}

}  // namespace

Result<void> check_new_name(const std::string& name, const std::optional<std::string>& version,
                            const std::vector<std::string>& reserved_names) {
  if (!is_model_name(name)) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{} cannot be the name of a model; give one with --name, of letters, digits, "
                             "'-', '_' and '.'.",
                             detail::in_quotes(name)),
                 ""};
  }
  if (version && !is_model_version(*version)) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{} cannot be a version; it is made of letters, digits, '-', '_' and '.'.",
                             detail::in_quotes(*version)),
                 ""};
  }
  if (std::find(reserved_names.begin(), reserved_names.end(), name) != reserved_names.end()) {
    return Error{ErrorCode::kConflict,
                 fmt::format("'{}' is the name of a bundled model; give another with --name.", name), ""};
  }
  return {};
}

Result<StoreOutcome> import_model(const Store& store, const fs::path& source, const ImportOptions& options) {
  const std::string name = options.name ? *options.name : own_name(source);
  EPICRISIS_RETURN_IF_ERROR(check_new_name(name, options.version, options.reserved_names));
  std::error_code failed;
  const bool is_folder = fs::is_directory(source, failed);
  if (!is_folder && !fs::exists(source, failed)) {
    return Error{ErrorCode::kNotFound, fmt::format("There is no folder or archive '{}'.", source.string()),
                 ""};
  }
  if (!is_folder && !is_archive_name(source.string())) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("'{}' is neither a model folder nor a .tar.gz.", source.string()), ""};
  }
  EPICRISIS_ASSIGN_OR_RETURN(Staging staging, store.stage());
  if (!is_folder) EPICRISIS_RETURN_IF_ERROR(extract_tar_gz(source, staging.scratch_folder()));
  const Result<void> copied =
      copy_model(store, is_folder ? source : staging.scratch_folder(), options, staging);
  if (!copied) return in_source(copied.error(), source);
  Result<CheckedModel> checked = check_model(staging.files_folder());
  if (!checked) return in_source(std::move(checked).error(), source);

  ModelOrigin origin;
  origin.kind = "import";
  origin.source = own_name(source);
  EPICRISIS_ASSIGN_OR_RETURN(
      Published published,
      store.publish(std::move(staging), name, options.version, std::move(checked->facts), std::move(origin)));
  return StoreOutcome{std::move(published.model), published.created, std::move(checked->notes)};
}

}  // namespace epicrisis
