#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"

namespace epicrisis::api {

struct ModelHubSettings {
  std::vector<std::filesystem::path> places;   ///< Folders with a folder for each bundled model.
  std::optional<std::filesystem::path> store;  ///< Root of a hub::Store.
  std::map<std::string, std::string> aliases;  ///< JumpStart's id -> NAME or NAME@VERSION of a model here.
  std::filesystem::path cache;                 ///< Packed models are kept in it.
};

/// One version of a model as JumpStart's catalogue has it.
struct HubModel {
  std::string id;
  std::string version;  ///< "2.0.0".
  std::filesystem::path folder;
  std::string content;        ///< Changes with the model's files.
  bool is_generator = false;  ///< Decoder-only.
};

/// A file of the hub's bucket.
struct HubFile {
  std::string key;
  std::string text;  ///< The content, unless it lies in `path`.
  std::filesystem::path path;
  std::uint64_t size_bytes = 0;
  std::string etag;  ///< Hex MD5.
};

/// The local hub in the layout of JumpStart's content bucket: models_manifest.json, a spec for each version,
/// and its files packed as model.tar.gz. The SDK reads it with GetObject and HeadObject alone. Thread-safe;
/// calls block on the disk, the first for a model while it is packed.
class ModelHub {
 public:
  explicit ModelHub(ModelHubSettings settings) : settings_(std::move(settings)) {}

  /// All models by id, then version.
  Result<std::vector<HubModel>> models() const;
  /// The keys there are, sorted.
  Result<std::vector<std::string>> keys() const;
  /// Nothing for an unknown key.
  Result<std::optional<HubFile>> find(std::string_view key) const;

 private:
  Result<HubFile> packed(const HubModel& model, const std::string& key) const;
  Result<void> pack(const HubModel& model, const std::filesystem::path& target) const;

  const ModelHubSettings settings_;
  mutable std::mutex packing_;  ///< One model is packed at a time.
};

/// "jumpstart-cache-prod-<region>".
bool is_hub_bucket(std::string_view bucket) noexcept;

/// What JumpStart's catalogue says about `model`; `key_of` names its files.
Json hub_manifest_entry(const HubModel& model);
Json hub_spec(const HubModel& model);
std::string hub_spec_key(const HubModel& model);
std::string hub_artifact_key(const HubModel& model);
std::string hub_script_key(const HubModel& model);

}  // namespace epicrisis::api
