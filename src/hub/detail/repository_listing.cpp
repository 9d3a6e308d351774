#include "hub/detail/repository_listing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/json.hpp"
#include "checkpoint/archive_names.hpp"
#include "hub/detail/text.hpp"

namespace epicrisis::detail {
namespace {

constexpr std::size_t kMaxCommit = 64;

/// A hash under `key` of `digits` hex digits; empty when it is not there or something else: what a listing
/// says is a convenience, the answer with the file counts.
std::string hash_in(const Json& object, const char* key, std::size_t digits) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return {};
  const auto& text = found->get_ref<const std::string&>();
  return text.size() == digits && is_hex(text) ? text : std::string();
}

RemoteFile facts_in(const Json& sibling) {
  RemoteFile facts;
  const auto size = sibling.find("size");
  if (size != sibling.end() && size->is_number_unsigned()) facts.size_bytes = size->get<std::uint64_t>();
  const auto lfs = sibling.find("lfs");
  if (lfs != sibling.end() && lfs->is_object()) {
    facts.sha256 = hash_in(*lfs, "sha256", 64);
  } else {
    facts.git_sha1 = hash_in(sibling, "blobId", 40);  // of an LFS file: its pointer's
  }
  return facts;
}

}  // namespace

Result<Repository> parse_repository_listing(std::string_view text, std::string_view what) {
  EPICRISIS_ASSIGN_OR_RETURN(const Json json, parse_json(text, what));
  const auto wrong = [&](std::string detail) {
    return Error{ErrorCode::kCorrupt, fmt::format("{} is not what the API promises.", what),
                 std::move(detail)};
  };
  if (!json.is_object()) return wrong("it must be a JSON object");
  Repository repository;
  EPICRISIS_ASSIGN_OR_RETURN(repository.commit, json_value(json, "sha", std::string(), what));
  if (repository.commit.empty() || repository.commit.size() > kMaxCommit ||
      !std::all_of(repository.commit.begin(), repository.commit.end(), is_alphanumeric))
    return wrong("'sha' must be the name of a commit");
  const auto siblings = json.find("siblings");
  if (siblings == json.end() || !siblings->is_array()) return wrong("'siblings' must be an array");
  std::set<std::string_view> seen;
  for (const Json& sibling : *siblings) {
    const std::string where = fmt::format("'siblings[{}]'", repository.files.size());
    if (!sibling.is_object()) return wrong(where + " must be an object");
    const auto name = sibling.find("rfilename");
    if (name == sibling.end() || !name->is_string()) return wrong(where + ": 'rfilename' must be a string");
    const auto& path = name->get_ref<const std::string&>();
    if (safe_member_name(path) != path)
      return wrong(fmt::format("{}: the name {} would leave the folder", where, in_quotes(path)));
    if (!seen.insert(path).second) return wrong(fmt::format("{} is there twice", in_quotes(path)));
    repository.files.push_back({path, facts_in(sibling)});
  }
  return repository;
}

}  // namespace epicrisis::detail
