#include "api/sagemaker/model_hub.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/digest.hpp"
#include "base/files.hpp"
#include "base/folders.hpp"
#include "checkpoint/archive.hpp"
#include "hub/model_search.hpp"
#include "hub/store.hpp"

namespace epicrisis::api {
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kManifestKey = "models_manifest.json";
/// Where the SDK asks for a script, which nothing here runs.
constexpr std::string_view kNoScript =
    "This archive stands where the SDK expects a script. Nothing in it is run: the server's own worker and "
    "trainer do the work.\n";

Result<std::string> md5_of_file(const fs::path& path) {
  EPICRISIS_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::open(path));
  const auto bytes = file.bytes();
  return to_hex(digest_of(DigestKind::kMd5, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
}

HubFile text_file(std::string key, std::string text) {
  HubFile file;
  file.key = std::move(key);
  file.size_bytes = text.size();
  file.etag = to_hex(digest_of(DigestKind::kMd5, text));
  file.text = std::move(text);
  return file;
}

/// "2" and "2.1" as the three numbers that the SDK reads; another name by its place among the versions.
std::string three_numbers(const std::string& version, std::int64_t sequence) {
  const bool plain = !version.empty() && version.front() != '.' && version.back() != '.' &&
                     version.find("..") == std::string::npos &&
                     version.find_first_not_of("0123456789.") == std::string::npos;
  const auto dots = std::count(version.begin(), version.end(), '.');
  if (!plain || dots > 2) return fmt::format("{}.0.0", sequence);
  std::string three = version;
  for (auto i = dots; i < 2; ++i) three += ".0";
  return three;
}

/// Of a folder without manifest: names, sizes and dates of its files.
std::string content_of(const fs::path& folder) {
  const auto members = list_members(folder);
  if (!members) return {};
  std::string listing;
  std::error_code ignored;
  for (const ArchiveMember& member : *members) {
    listing += fmt::format("{}\n{}\n{}\n", member.name, fs::file_size(member.source, ignored),
                           fs::last_write_time(member.source, ignored).time_since_epoch().count());
  }
  return to_hex(digest_of(DigestKind::kSha256, listing));
}

bool is_generator(const fs::path& folder) {
  const auto config = read_json_file(folder / "config.json");
  if (!config || !config->is_object() || !config->contains("architectures")) return false;
  const std::string name = (*config)["architectures"].dump();
  return name.find("ForCausalLM") != std::string::npos || name.find("LMHeadModel") != std::string::npos;
}

}  // namespace

bool is_hub_bucket(std::string_view bucket) noexcept { return bucket.starts_with("jumpstart-cache-prod-"); }

Result<std::vector<HubModel>> ModelHub::models() const {
  std::vector<HubModel> models;
  std::map<std::string, std::size_t> by_reference;  // the latest version for a bare name
  for (const BundledModel& bundled : bundled_models(settings_.places)) {
    by_reference[bundled.name] = models.size();
    models.push_back(
        {bundled.name, "1.0.0", bundled.path, content_of(bundled.path), is_generator(bundled.path)});
  }
  if (settings_.store) {
    EPICRISIS_ASSIGN_OR_RETURN(const StoreListing stored, Store(*settings_.store).list());
    for (const StoredModel& model : stored.models) {
      const Manifest& manifest = model.manifest;
      by_reference[model.reference()] = models.size();
      if (model.latest) by_reference.try_emplace(manifest.name, models.size());  // bundled ones go first
      models.push_back({manifest.name, three_numbers(manifest.version, manifest.sequence), model.files,
                        manifest.content_sha256, is_generator(model.files)});
    }
  }
  for (const auto& [id, reference] : settings_.aliases) {
    const auto found = by_reference.find(reference);
    if (found == by_reference.end()) continue;
    HubModel alias = models[found->second];
    alias.id = id;
    models.push_back(std::move(alias));
  }
  std::sort(models.begin(), models.end(), [](const HubModel& a, const HubModel& b) {
    return std::tie(a.id, a.version) < std::tie(b.id, b.version);
  });
  return models;
}

Result<std::vector<std::string>> ModelHub::keys() const {
  EPICRISIS_ASSIGN_OR_RETURN(const std::vector<HubModel> all, models());
  std::vector<std::string> keys = {std::string(kManifestKey)};
  for (const HubModel& model : all) {
    keys.insert(keys.end(), {hub_spec_key(model), hub_artifact_key(model), hub_script_key(model)});
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

Result<std::optional<HubFile>> ModelHub::find(std::string_view key) const {
  EPICRISIS_ASSIGN_OR_RETURN(const std::vector<HubModel> all, models());
  if (key == kManifestKey) {
    Json manifest = Json::array();
    for (const HubModel& model : all) manifest.push_back(hub_manifest_entry(model));
    return std::optional<HubFile>(text_file(std::string(key), manifest.dump()));
  }
  for (const HubModel& model : all) {
    if (key == hub_spec_key(model))
      return std::optional<HubFile>(text_file(std::string(key), hub_spec(model).dump()));
    if (key != hub_artifact_key(model) && key != hub_script_key(model)) continue;
    EPICRISIS_ASSIGN_OR_RETURN(HubFile file, packed(model, std::string(key)));
    return std::optional<HubFile>(std::move(file));
  }
  return std::optional<HubFile>();
}

Result<HubFile> ModelHub::packed(const HubModel& model, const std::string& key) const {
  const bool is_script = key == hub_script_key(model);
  const std::string name = is_script ? "script" : model.content.substr(0, 32);
  const fs::path archive = settings_.cache / (name + ".tar.gz");
  const std::lock_guard lock(packing_);
  std::error_code ignored;
  fs::create_directories(settings_.cache, ignored);
  if (!is_there(archive)) {
    if (is_script) {
      EPICRISIS_ASSIGN_OR_RETURN(const TemporaryDirectory aside, TemporaryDirectory::create(settings_.cache));
      EPICRISIS_RETURN_IF_ERROR(write_file_atomically(aside.path() / "README", kNoScript));
      HubModel script;
      script.folder = aside.path();
      EPICRISIS_RETURN_IF_ERROR(pack(script, archive));
    } else {
      EPICRISIS_RETURN_IF_ERROR(pack(model, archive));
    }
  }
  const fs::path digest = settings_.cache / (name + ".md5");
  if (!is_there(digest)) {
    EPICRISIS_ASSIGN_OR_RETURN(const std::string md5, md5_of_file(archive));
    EPICRISIS_RETURN_IF_ERROR(write_file_atomically(digest, md5));
  }
  HubFile file;
  file.key = key;
  file.path = archive;
  file.size_bytes = fs::file_size(archive, ignored);
  EPICRISIS_ASSIGN_OR_RETURN(file.etag, read_file(digest, 64));
  return file;
}

Result<void> ModelHub::pack(const HubModel& model, const fs::path& target) const {
  EPICRISIS_ASSIGN_OR_RETURN(auto members, list_members(model.folder));
  EPICRISIS_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(target));
  EPICRISIS_RETURN_IF_ERROR(write_tar_gz(
      std::move(members), [&file](std::span<const std::byte> bytes) { return file.write(bytes); }));
  return file.commit();
}

}  // namespace epicrisis::api
