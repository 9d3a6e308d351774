#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace epicrisis {

/// Most bytes of an index file, and most files one may name; the largest models we know stay below 1 MiB and
/// 200 files.
inline constexpr std::uint64_t kMaxShardIndexBytes = 8ULL << 20;
inline constexpr std::size_t kMaxShards = 4096;

/// Which file of a folder holds which tensor: model.safetensors.index.json or pytorch_model.bin.index.json.
struct ShardIndex {
  std::map<std::string, std::string, std::less<>> file_of;  ///< By tensor name.
  std::uint64_t total_bytes = 0;                            ///< Of all tensors; not used in reading.
};

/// Reads an index. Its files are names within the folder that end in `suffix` (".bin"): no path, nothing
/// hidden. `what` names the source in errors. Errors: kCorrupt naming the tensor, kResourceExhausted past
/// kMaxShards.
Result<ShardIndex> parse_shard_index(std::string_view text, std::string_view suffix, std::string_view what);

/// The index as the reference writes it: two-space JSON, keys sorted, newline at the end.
std::string format_shard_index(const ShardIndex& index);

}  // namespace epicrisis
