#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"

namespace epicrisis {

/// One file of a stored model.
struct StoredFile {
  std::string path;  ///< Below the model's folder, with '/'; passes safe_member_name().
  std::uint64_t size_bytes = 0;
  std::string sha256;  ///< 64 lower-case hex digits.

  bool operator==(const StoredFile&) const = default;
};

/// What a model computes, for lists: its files say the rest.
struct ModelFacts {
  std::string family;           ///< `model_type` of config.json.
  std::int64_t parameters = 0;  ///< Elements of all tensors, tied ones once.
  std::string dtype;            ///< "F32", "F16", "BF16".

  bool operator==(const ModelFacts&) const = default;
};

/// Where a model came from. What does not apply is empty.
struct ModelOrigin {
  std::string kind;      ///< "import" or "pull".
  std::string source;    ///< import: the last part of the folder's or archive's path.
  std::string base_url;  ///< pull: the hub.
  std::string repo;      ///< pull: "org/name".
  std::string revision;  ///< pull: as asked for ("main").
  std::string commit;    ///< pull: what the revision stood for.

  bool operator==(const ModelOrigin&) const = default;
};

/// manifest.json of one version of a stored model. docs/formats/hub.md has the format.
struct Manifest {
  std::string name;
  std::string version;
  std::int64_t sequence = 0;   ///< Counts the versions of a name in the order they were stored, from 1.
  std::string stored_at;       ///< RFC 3339, UTC, whole seconds.
  std::string content_sha256;  ///< content_sha256(files).
  ModelFacts facts;
  ModelOrigin origin;
  std::vector<StoredFile> files;  ///< Sorted by path, bytewise.

  std::uint64_t size_bytes() const noexcept;  ///< Of all files.
  bool operator==(const Manifest&) const = default;
};

/// SHA-256 of what `sha256sum` prints for the files in order of their paths: two models with equal hashes
/// have equal files. Precondition: sorted by path.
std::string content_sha256(const std::vector<StoredFile>& files);

/// The origin as it stands in a manifest: only what applies.
OrderedJson to_json(const ModelOrigin& origin);

/// The text of manifest.json.
std::string format_manifest(const Manifest& manifest);

/// Reads the text of a manifest.json. `what` names it in errors. Errors: kCorrupt naming the field, also when
/// the files and content_sha256 disagree; kUnsupported for the format of a later version.
Result<Manifest> parse_manifest(std::string_view text, std::string_view what);

}  // namespace epicrisis
