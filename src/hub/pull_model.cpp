#include "hub/pull_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "base/file_lock.hpp"
#include "base/files.hpp"
#include "base/sha256.hpp"
#include "checkpoint/shard_index.hpp"
#include "hub/detail/hub_client.hpp"
#include "hub/detail/part_file.hpp"
#include "hub/detail/text.hpp"
#include "hub/model_files.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;

/// What is still to be written besides the files themselves: manifest, folders, entity tags.
constexpr std::uint64_t kSpareBytes = 1ULL << 20;

/// A word that names a folder of unfinished downloads: the same for the same commit of the same hub.
std::string download_key(const std::string& base_url, const std::string& repo, const std::string& commit) {
  constexpr std::size_t kDigits = 32;
  return Sha256().update(fmt::format("{}\n{}\n{}", base_url, repo, commit)).hex().substr(0, kDigits);
}

bool is_from(const StoredModel& model, const RepositoryName& repository, const std::string& base_url) {
  const ModelOrigin& origin = model.manifest.origin;
  return origin.kind == "pull" && origin.repo == repository.repo && origin.base_url == base_url;
}

/// One model on its way from a hub into a store.
class Pull {
 public:
  Pull(const Store& store, const RepositoryName& repository, const PullOptions& options,
       detail::HubClient hub, detail::Repository listing)
      : store_(store),
        repository_(repository),
        options_(options),
        hub_(std::move(hub)),
        listing_(std::move(listing)),
        folder_(store.download_folder(download_key(hub_.base_url(), repository.repo, listing_.commit))) {
    for (detail::RepositoryFile& file : listing_.files) remote_.emplace(file.path, std::move(file.facts));
  }

  Result<StoreOutcome> run(const std::string& name) {
    if (options_.version) {
      EPICRISIS_ASSIGN_OR_RETURN(const auto stored, find_version(name, *options_.version));
      if (stored) return StoreOutcome{*stored, false, {}};
    }
    std::error_code failed;
    fs::create_directories(folder_, failed);
    if (failed) return system_error(failed.value(), "create", folder_);
    EPICRISIS_ASSIGN_OR_RETURN(const auto lock, FileLock::try_acquire(folder_));
    if (!lock) {
      return Error{ErrorCode::kConflict,
                   fmt::format("Another process is pulling '{}'; wait for it, or stop it.", repository_.repo),
                   ""};
    }
    Result<StoreOutcome> outcome = find_or_download(name);
    // What is interrupted goes on from here; what is stored or refused leaves nothing behind.
    if (outcome || is_refused_) {
      fs::remove_all(folder_, failed);
    } else {
      fs::remove(folder_, failed);  // goes when nothing has arrived
    }
    return outcome;
  }

 private:
  Result<StoreOutcome> find_or_download(const std::string& name) {
    EPICRISIS_RETURN_IF_ERROR(choose_files());
    if (const auto stored = find_stored(name)) {
      if (options_.version && *options_.version != stored->manifest.version) {
        return Error{ErrorCode::kConflict,
                     fmt::format("This commit is stored as {} already; a content has one version.",
                                 stored->reference()),
                     ""};
      }
      return StoreOutcome{*stored, false, {}};
    }
    EPICRISIS_RETURN_IF_ERROR(learn_sizes());
    EPICRISIS_RETURN_IF_ERROR(check_room(bytes_to_come()));
    EPICRISIS_ASSIGN_OR_RETURN(Staging staging, store_.stage());
    EPICRISIS_RETURN_IF_ERROR(download_all(staging));
    Result<CheckedModel> checked = check_model(staging.files_folder());
    if (!checked) return refused(std::move(checked).error());
    notes_.insert(notes_.end(), checked->notes.begin(), checked->notes.end());
    ModelOrigin origin{"pull", "", hub_.base_url(), repository_.repo, repository_.revision, listing_.commit};
    EPICRISIS_ASSIGN_OR_RETURN(Published published,
                               store_.publish(std::move(staging), name, options_.version,
                                              std::move(checked->facts), std::move(origin)));
    return StoreOutcome{std::move(published.model), published.created, std::move(notes_)};
  }

  /// The Error for a model that another run would refuse too.
  Error refused(Error error) {
    is_refused_ = true;
    error.detail += fmt::format("{}pulled from '{}' at commit {}", error.detail.empty() ? "" : ", ",
                                repository_.repo, listing_.commit);
    return error;
  }

  std::string in_repository(std::string_view path) const {
    return fmt::format("{} of '{}'", detail::in_quotes(path), repository_.repo);
  }

  /// The model's files, the ones that decide over it first. Fetches an index, to know the shards.
  Result<void> choose_files() {
    std::set<std::string> names;
    for (const auto& [path, facts] : remote_) names.insert(path);
    Result<ModelFileChoice> choice = choose_model_files(names);
    if (!choice) return refused(std::move(choice).error());
    small_files_ = choice->small_files;
    if (choice->index.empty()) {
      large_files_ = {choice->weights};
    } else {
      small_files_.push_back(choice->index);
      EPICRISIS_ASSIGN_OR_RETURN(large_files_, fetch_shard_names(choice->index));
    }
    std::set<std::string> chosen(small_files_.begin(), small_files_.end());
    chosen.insert(large_files_.begin(), large_files_.end());
    for (const std::string& pattern : options_.include_patterns) {
      bool matched = false;
      for (const auto& [path, facts] : remote_) {
        if (!matches_pattern(pattern, path)) continue;
        matched = true;
        if (chosen.insert(path).second) large_files_.push_back(path);
      }
      if (!matched) {
        return Error{ErrorCode::kNotFound,
                     fmt::format("No file of '{}' matches the pattern {}.", repository_.repo,
                                 detail::in_quotes(pattern)),
                     ""};
      }
    }
    return {};
  }

  Result<std::vector<std::string>> fetch_shard_names(const std::string& index) {
    EPICRISIS_ASSIGN_OR_RETURN(const fs::path path, download(index));
    EPICRISIS_ASSIGN_OR_RETURN(const std::string text, read_file(path, kMaxShardIndexBytes));
    EPICRISIS_ASSIGN_OR_RETURN(auto shards, read_shard_names(text, index, index + " of " + repository_.repo));
    for (const std::string& shard : shards) {
      if (remote_.count(shard) != 0) continue;
      return Error{ErrorCode::kCorrupt,
                   fmt::format("{} names the shard {}, which the repository does not have.",
                               in_repository(index), detail::in_quotes(shard)),
                   ""};
    }
    return shards;
  }

  std::vector<std::string> all_files() const {
    std::vector<std::string> files = small_files_;
    files.insert(files.end(), large_files_.begin(), large_files_.end());
    return files;
  }

  bool is_this_commit(const StoredModel& model) const {
    return is_from(model, repository_, hub_.base_url()) && model.manifest.origin.commit == listing_.commit;
  }

  /// The version that was asked for, when it is stored and is this commit. Errors: kConflict when it is
  /// something else, before anything is downloaded in vain.
  Result<std::optional<StoredModel>> find_version(const std::string& name, const std::string& version) const {
    Result<StoredModel> stored = store_.find({name, version});
    if (!stored && stored.error().code == ErrorCode::kNotFound) return std::optional<StoredModel>();
    if (!stored) return std::move(stored).error();
    if (is_this_commit(*stored)) return std::optional<StoredModel>(std::move(*stored));
    return Error{
        ErrorCode::kConflict,
        fmt::format("{} is stored already, and is not this commit; choose another version, or remove "
                    "it first.",
                    stored->reference()),
        ""};
  }

  /// A stored version of this very commit that has all the files that are wanted now.
  std::optional<StoredModel> find_stored(const std::string& name) const {
    const auto versions = store_.list({name, {}});
    if (!versions) return {};
    for (const StoredModel& model : versions->models) {
      if (!is_this_commit(model)) continue;
      std::set<std::string> stored;
      for (const StoredFile& file : model.manifest.files) stored.insert(file.path);
      const std::vector<std::string> wanted = all_files();
      if (std::all_of(wanted.begin(), wanted.end(),
                      [&](const std::string& path) { return stored.count(path) != 0; }))
        return model;
    }
    return {};
  }

  /// Asks for the sizes and hashes that the listing did not give.
  Result<void> learn_sizes() {
    for (const std::string& path : all_files()) {
      detail::RemoteFile& facts = remote_.at(path);
      if (facts.size_bytes && (!facts.sha256.empty() || !facts.git_sha1.empty())) continue;
      EPICRISIS_ASSIGN_OR_RETURN(const detail::RemoteFile said,
                                 hub_.head(repository_.repo, listing_.commit, path));
      facts.merge(said);
    }
    for (const std::string& path : all_files()) {
      const std::uint64_t size = remote_.at(path).size_bytes.value_or(0);
      // Sizes come from outside: a sum that wraps would pass every later check.
      if (size > std::numeric_limits<std::uint64_t>::max() - total_bytes_)
        return Error{ErrorCode::kCorrupt, "The hub names sizes that no files have.", in_repository(path)};
      total_bytes_ += size;
    }
    return {};
  }

  fs::path part_path(const std::string& path) const { return folder_ / (path + ".part"); }

  std::uint64_t bytes_to_come() const {
    std::uint64_t here = 0;
    for (const std::string& path : all_files()) {
      std::error_code failed;
      const std::uint64_t size = fs::file_size(part_path(path), failed);
      if (!failed) here += std::min(size, remote_.at(path).size_bytes.value_or(0));
    }
    return total_bytes_ - here;
  }

  Result<void> check_room(std::uint64_t bytes) const {
    EPICRISIS_ASSIGN_OR_RETURN(const std::uint64_t available, store_.free_bytes());
    if (available >= kSpareBytes && bytes <= available - kSpareBytes) return {};
    return Error{ErrorCode::kResourceExhausted,
                 fmt::format("{} bytes of '{}' are to come, but '{}' has room for {}; free some space, or "
                             "choose another store.",
                             bytes, repository_.repo, store_.root().string(), available),
                 ""};
  }

  /// One whole and verified file, from the hub or from an earlier run.
  Result<fs::path> download(const std::string& path) {
    if (const auto found = done_.find(path); found != done_.end()) return part_path(path);
    EPICRISIS_ASSIGN_OR_RETURN(detail::PartFile part,
                               detail::PartFile::open(
                                   part_path(path), path, remote_.at(path),
                                   [&](std::uint64_t position) {
                                     if (options_.progress && total_bytes_ > 0)
                                       options_.progress(done_bytes_ + position, total_bytes_, path);
                                   },
                                   [&](std::uint64_t bytes) { return check_room(bytes); }));
    if (!part.is_complete())
      EPICRISIS_RETURN_IF_ERROR(hub_.get(repository_.repo, listing_.commit, path, part));
    EPICRISIS_ASSIGN_OR_RETURN(detail::FileHashes hashes, part.verify());
    if (!part.has_hash()) {
      notes_.push_back(
          fmt::format("The hub names no hash of {}: that it arrived as it was sent is not proven.",
                      detail::in_quotes(path)));
    }
    done_bytes_ += hashes.size_bytes;
    done_.emplace(path, std::move(hashes));
    return part_path(path);
  }

  Result<void> download_to(Staging& staging, const std::string& path) {
    EPICRISIS_ASSIGN_OR_RETURN(const fs::path here, download(path));
    const detail::FileHashes& hashes = done_.at(path);
    return staging.move_in(here, {path, hashes.size_bytes, hashes.sha256});
  }

  /// Weights travel only for a model that this build can run. Before they are here nothing is moved: a run
  /// that ends early must find its files where it left them.
  Result<void> download_all(Staging& staging) {
    std::optional<Architecture> architecture;
    for (const std::string& path : small_files_) {
      EPICRISIS_ASSIGN_OR_RETURN(const fs::path here, download(path));
      EPICRISIS_RETURN_IF_ERROR(copy_for_trial(here, staging.scratch_folder() / path));
      if (architecture) continue;
      Result<Architecture> read = check_config(staging.scratch_folder());  // config.json is the first
      if (!read) return refused(std::move(read).error());
      architecture = std::move(*read);
    }
    const Result<CheckNotes> tried = check_tokenizer(staging.scratch_folder(), *architecture);
    if (!tried) return refused(tried.error());
    for (const std::string& path : large_files_) EPICRISIS_RETURN_IF_ERROR(download(path));
    for (const std::string& path : all_files()) EPICRISIS_RETURN_IF_ERROR(download_to(staging, path));
    return {};
  }

  static Result<void> copy_for_trial(const fs::path& from, const fs::path& to) {
    std::error_code failed;
    fs::create_directories(to.parent_path(), failed);
    if (!failed) fs::copy_file(from, to, failed);
    if (failed) return system_error(failed.value(), "copy", from);
    return {};
  }

  const Store& store_;
  const RepositoryName& repository_;
  const PullOptions& options_;
  detail::HubClient hub_;
  detail::Repository listing_;
  fs::path folder_;  ///< Of unfinished downloads.
  std::map<std::string, detail::RemoteFile> remote_;
  std::vector<std::string> small_files_;            ///< config.json first.
  std::vector<std::string> large_files_;            ///< Weights, and what patterns ask for.
  std::map<std::string, detail::FileHashes> done_;  ///< Verified, by path.
  std::uint64_t done_bytes_ = 0;
  std::uint64_t total_bytes_ = 0;  ///< Of the files whose size is known.
  CheckNotes notes_;
  bool is_refused_ = false;
};

/// The stored version that a repository's revision means when nothing may be sent.
Result<StoreOutcome> find_offline(const Store& store, const RepositoryName& repository,
                                  const PullOptions& options, const std::string& name) {
  const auto versions = store.list({name, {}});
  if (!versions && versions.error().code != ErrorCode::kNotFound) return versions.error();
  if (versions) {
    for (auto model = versions->models.rbegin(); model != versions->models.rend(); ++model) {
      const ModelOrigin& origin = model->manifest.origin;
      const bool is_revision = origin.revision == repository.revision || origin.commit == repository.revision;
      const bool is_version = !options.version || *options.version == model->manifest.version;
      if (is_from(*model, repository, options.base_url) && is_revision && is_version)
        return StoreOutcome{*model, false, {}};
    }
  }
  return Error{ErrorCode::kNotFound,
               fmt::format("'{}' at revision {} is not in the store, and offline nothing is downloaded.",
                           repository.repo, detail::in_quotes(repository.revision)),
               fmt::format("looked for '{}' from {} in '{}'", name, options.base_url, store.root().string())};
}

}  // namespace

Result<StoreOutcome> pull_model(const Store& store, const RepositoryName& repository,
                                const PullOptions& options) {
  const std::string name = options.name ? *options.name : repository.own_name();
  EPICRISIS_RETURN_IF_ERROR(check_new_name(name, options.version, options.reserved_names));
  detail::HubClientOptions hub_options;
  hub_options.base_url = options.base_url;
  if (!options.offline) hub_options.token = options.token;
  hub_options.http.ca_file = options.ca_file;
  hub_options.http.cancelled = options.cancelled;
  hub_options.retry.sleep = options.sleep;
  EPICRISIS_ASSIGN_OR_RETURN(detail::HubClient hub, detail::HubClient::create(std::move(hub_options)));
  if (options.offline) {
    PullOptions normalised = options;
    normalised.base_url = hub.base_url();
    return find_offline(store, repository, normalised, name);
  }
  EPICRISIS_ASSIGN_OR_RETURN(detail::Repository listing, hub.list(repository.repo, repository.revision));
  return Pull(store, repository, options, std::move(hub), std::move(listing)).run(name);
}

}  // namespace epicrisis
