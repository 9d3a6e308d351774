#include "checkpoint/shard_index.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/json.hpp"
#include "checkpoint/detail/printable.hpp"

namespace epicrisis {
namespace {

constexpr std::string_view kMetadata = "metadata";
constexpr std::string_view kTotalSize = "total_size";
constexpr std::string_view kWeightMap = "weight_map";

Error corrupt(std::string_view what, std::string detail) {
  return {ErrorCode::kCorrupt, fmt::format("'{}' is not a valid index of weight files.", what),
          std::move(detail)};
}

/// A name that stays in its folder whatever the system makes of it, as the reference writes them.
bool is_plain_name(std::string_view name) {
  constexpr std::size_t kMaxName = 255;
  const auto is_plain = [](char c) { return c > ' ' && c <= '~' && c != '/' && c != '\\' && c != ':'; };
  return !name.empty() && name.size() <= kMaxName && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), is_plain);
}

}  // namespace

Result<ShardIndex> parse_shard_index(std::string_view text, std::string_view suffix, std::string_view what) {
  EPICRISIS_ASSIGN_OR_RETURN(const Json json, parse_json(text, fmt::format("'{}'", what)));
  const auto map = json.is_object() ? json.find(kWeightMap) : json.end();
  if (map == json.end() || !map->is_object() || map->empty()) {
    return corrupt(what, fmt::format("it has no object '{}' with tensors", kWeightMap));
  }
  ShardIndex index;
  std::set<std::string_view> files;
  for (const auto& [tensor, file] : map->items()) {
    const std::string* const name = file.get_ptr<const std::string*>();
    if (name == nullptr || !is_plain_name(*name) || !name->ends_with(suffix)) {
      return corrupt(what, fmt::format("the file of tensor '{}' is no plain name of a {} file",
                                       detail::printable(tensor), suffix));
    }
    files.insert(index.file_of.emplace(tensor, *name).first->second);
  }
  if (files.size() > kMaxShards) {
    return Error{ErrorCode::kResourceExhausted,
                 fmt::format("'{}' names more than {} files.", what, kMaxShards), ""};
  }
  if (const auto metadata = json.find(kMetadata); metadata != json.end() && metadata->is_object()) {
    const auto total = metadata->find(kTotalSize);
    if (total != metadata->end() && total->is_number_unsigned()) {
      index.total_bytes = total->get<std::uint64_t>();
    }
  }
  return index;
}

std::string format_shard_index(const ShardIndex& index) {
  Json json;
  json[std::string(kMetadata)][std::string(kTotalSize)] = index.total_bytes;
  json[std::string(kWeightMap)] = index.file_of;
  return json.dump(2) + "\n";
}

}  // namespace epicrisis
