#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "hub/manifest.hpp"
#include "hub/model_name.hpp"
#include "hub/staging.hpp"

namespace epicrisis {

/// One version of a model in a store.
struct StoredModel {
  Manifest manifest;
  std::filesystem::path files;  ///< A model folder in the Hugging Face layout.
  bool latest = false;          ///< The version that the bare name means.

  /// "ward-7@2"
  std::string reference() const { return manifest.name + "@" + manifest.version; }
};

struct StoreListing {
  std::vector<StoredModel> models;  ///< By name, then in the order they were stored.
  std::vector<Error> damaged;       ///< Of versions whose manifest cannot be read.
};

struct Published {
  StoredModel model;
  bool created = true;  ///< False: the same content was there already, under the version of `model`.
};

/// A folder of models by name and version (docs/formats/hub.md). Readers take no lock: a version appears
/// whole by one rename and disappears by one. Writers in any number of processes are serialised by a lock
/// file. Thread-safe: an object holds nothing but the path.
class Store {
 public:
  /// $EPICRISIS_HUB, else $XDG_DATA_HOME/epicrisis/hub, else $HOME/.local/share/epicrisis/hub. Nothing when
  /// the environment names none of them.
  static std::optional<std::filesystem::path> default_root();

  /// A store that is not there is empty; the folder is made when something is stored.
  explicit Store(std::filesystem::path root) : root_(std::move(root)) {}
  const std::filesystem::path& root() const noexcept { return root_; }

  Result<StoreListing> list() const;
  /// All versions of `name`, or the one that it names. Errors: kNotFound; kCorrupt for a named version.
  Result<StoreListing> list(const ModelName& name) const;
  /// One version; the latest when `name` has none. Errors: kNotFound, saying what there is; kCorrupt when a
  /// manifest that could be the answer cannot be read.
  Result<StoredModel> find(const ModelName& name) const;

  /// Room for a new model.
  Result<Staging> stage() const;
  /// Makes what `staging` holds visible as a version of `name`: `version`, or the number after the highest.
  /// The manifest is written last, then the whole folder is renamed into place. Errors: kConflict when
  /// `version` exists with other content, or the content exists under another version.
  Result<Published> publish(Staging staging, const std::string& name,
                            const std::optional<std::string>& version, ModelFacts facts,
                            ModelOrigin origin) const;
  /// Removes one version; all of a name with `all`, and without a version only then, unless there is just
  /// one. Returns what was removed as NAME@VERSION. A damaged version can be removed too. Errors: kNotFound,
  /// kInvalidArgument when several versions would go and `all` is off.
  Result<std::vector<std::string>> remove(const ModelName& name, bool all) const;

  /// Where unfinished downloads of `key`, a word of ours, are kept from one run to the next.
  std::filesystem::path download_folder(const std::string& key) const;
  /// Bytes that may be written to the store's file system; the folder need not exist yet.
  Result<std::uint64_t> free_bytes() const;

 private:
  std::filesystem::path models() const { return root_ / "models"; }
  std::filesystem::path lock_file() const { return root_ / "lock"; }

  std::filesystem::path root_;
};

/// One thing that is wrong with a stored model.
struct Damage {
  std::string path;    ///< The file's, below the model's folder.
  std::string reason;  ///< "missing", "SHA-256 differs", …
};

/// Hashes every file of `model` again and looks for files that do not belong there. `progress` is called with
/// the bytes read so far. Errors: only what keeps a file from being read at all.
Result<std::vector<Damage>> verify_model(const StoredModel& model,
                                         const std::function<void(std::uint64_t)>& progress = {});

}  // namespace epicrisis
