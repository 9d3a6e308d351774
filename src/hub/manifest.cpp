#include "hub/manifest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/sha256.hpp"
#include "checkpoint/archive_names.hpp"
#include "hub/detail/text.hpp"
#include "hub/model_name.hpp"

namespace epicrisis {
namespace {

constexpr std::int64_t kFormat = 1;
constexpr std::size_t kSha256Digits = 64;
/// Members of an origin in the order of the file; the first is always there.
constexpr std::pair<std::string_view, std::string ModelOrigin::*> kOriginMembers[] = {
    {"kind", &ModelOrigin::kind}, {"source", &ModelOrigin::source},     {"base_url", &ModelOrigin::base_url},
    {"repo", &ModelOrigin::repo}, {"revision", &ModelOrigin::revision}, {"commit", &ModelOrigin::commit}};

/// Reads members of one manifest; remembers the first Error so that reading stays a list of fields.
class Reader {
 public:
  Reader(const Json& object, std::string what) : object_(object), what_(std::move(what)) {}

  std::string text(std::string_view key) {
    Result<std::string> value = json_value(object_, key, std::string(), what_);
    if (!value) return fail(std::move(value).error()), std::string();
    if (value->empty()) wrong(key, "a text that is not empty");
    return std::move(value).value();
  }
  std::int64_t count(std::string_view key) {
    const Result<std::int64_t> value = json_value(object_, key, std::int64_t{-1}, what_);
    if (!value) return fail(value.error()), 0;
    if (*value < 0) wrong(key, "a count");
    return *value;
  }
  const Json& child(std::string_view key, Json::value_t type) {
    static const Json kNone;
    const auto found = object_.find(key);
    if (found != object_.end() && found->type() == type) return *found;
    wrong(key, type == Json::value_t::array ? "an array" : "an object");
    return kNone;
  }
  void wrong(std::string_view key, std::string_view expected) {
    fail({ErrorCode::kCorrupt, fmt::format("{}: '{}' must be {}.", what_, key, expected), ""});
  }
  void fail(Error error) {
    if (!error_) error_ = std::move(error);
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  const Json& object_;
  std::string what_;
  std::optional<Error> error_;
};

Result<StoredFile> parse_file(const Json& entry, const std::string& what) {
  if (!entry.is_object()) return Error{ErrorCode::kCorrupt, what + " must be an object.", ""};
  Reader reader(entry, what);
  StoredFile file;
  file.path = reader.text("path");
  file.size_bytes = static_cast<std::uint64_t>(reader.count("size"));
  file.sha256 = reader.text("sha256");
  if (safe_member_name(file.path) != file.path) reader.wrong("path", "a path below the model's folder");
  if (file.sha256.size() != kSha256Digits || !detail::is_hex(file.sha256))
    reader.wrong("sha256", "64 lower-case hex digits");
  if (reader.error()) return *reader.error();
  return file;
}

Result<std::vector<StoredFile>> parse_files(const Json& list, std::string_view what) {
  std::vector<StoredFile> files;
  for (const Json& entry : list) {
    EPICRISIS_ASSIGN_OR_RETURN(StoredFile file,
                               parse_file(entry, fmt::format("{}: 'files[{}]'", what, files.size())));
    if (!files.empty() && files.back().path >= file.path) {
      return Error{ErrorCode::kCorrupt, fmt::format("{}: 'files' must be sorted by path.", what), ""};
    }
    files.push_back(std::move(file));
  }
  return files;
}

}  // namespace

std::uint64_t Manifest::size_bytes() const noexcept {
  std::uint64_t total = 0;
  for (const StoredFile& file : files) total += file.size_bytes;
  return total;
}

std::string content_sha256(const std::vector<StoredFile>& files) {
  Sha256 hash;
  for (const StoredFile& file : files) hash.update(fmt::format("{}  {}\n", file.sha256, file.path));
  return hash.hex();
}

OrderedJson to_json(const ModelOrigin& origin) {
  OrderedJson json;
  for (const auto& [key, member] : kOriginMembers) {
    if (!(origin.*member).empty()) json[std::string(key)] = origin.*member;
  }
  return json;
}

std::string format_manifest(const Manifest& manifest) {
  OrderedJson json;
  json["format"] = kFormat;
  json["name"] = manifest.name;
  json["version"] = manifest.version;
  json["sequence"] = manifest.sequence;
  json["stored_at"] = manifest.stored_at;
  json["content_sha256"] = manifest.content_sha256;
  json["model"]["family"] = manifest.facts.family;
  json["model"]["parameters"] = manifest.facts.parameters;
  json["model"]["dtype"] = manifest.facts.dtype;
  json["origin"] = to_json(manifest.origin);
  json["files"] = OrderedJson::array();
  for (const StoredFile& file : manifest.files) {
    OrderedJson entry;
    entry["path"] = file.path;
    entry["size"] = file.size_bytes;
    entry["sha256"] = file.sha256;
    json["files"].push_back(std::move(entry));
  }
  // A folder on disk may have a name that is no UTF-8; it is a note, not a key.
  return json.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

Result<Manifest> parse_manifest(std::string_view text, std::string_view what) {
  EPICRISIS_ASSIGN_OR_RETURN(const Json json, parse_json(text, what));
  if (!json.is_object()) {
    return Error{ErrorCode::kCorrupt, fmt::format("{} must hold a JSON object.", what), ""};
  }
  Reader reader(json, std::string(what));
  if (const std::int64_t format = reader.count("format"); !reader.error() && format != kFormat) {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("{}: 'format' is of another version of epicrisis.", what),
                 fmt::format("{}; this one reads {}", format, kFormat)};
  }
  Manifest manifest;
  manifest.name = reader.text("name");
  manifest.version = reader.text("version");
  manifest.sequence = reader.count("sequence");
  manifest.stored_at = reader.text("stored_at");
  manifest.content_sha256 = reader.text("content_sha256");
  if (!is_model_name(manifest.name)) reader.wrong("name", "the name of a model");
  if (!is_model_version(manifest.version)) reader.wrong("version", "a version");
  const Json& model = reader.child("model", Json::value_t::object);
  const Json& origin = reader.child("origin", Json::value_t::object);
  const Json& files = reader.child("files", Json::value_t::array);
  if (reader.error()) return *reader.error();

  Reader facts(model, fmt::format("{}: 'model'", what));
  manifest.facts = {facts.text("family"), facts.count("parameters"), facts.text("dtype")};
  if (facts.error()) return *facts.error();
  for (const auto& [key, member] : kOriginMembers) {
    EPICRISIS_ASSIGN_OR_RETURN(manifest.origin.*member,
                               json_value(origin, key, std::string(), fmt::format("{}: 'origin'", what)));
  }
  EPICRISIS_ASSIGN_OR_RETURN(manifest.files, parse_files(files, what));
  if (content_sha256(manifest.files) != manifest.content_sha256) {
    return Error{ErrorCode::kCorrupt, fmt::format("{}: 'content_sha256' is not that of its 'files'.", what),
                 ""};
  }
  return manifest;
}

}  // namespace epicrisis
