// Any index names only files of its own folder, and what it says survives being written and read again; or it
// is an Error of one line.
#include "checkpoint/shard_index.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace epicrisis;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto index = parse_shard_index(text, ".bin", "fuzz");
  if (!index) {
    EPICRISIS_CHECK(index.error().to_line().find('\n') == std::string::npos);
    return 0;
  }
  for (const auto& [tensor, file] : index->file_of) {
    const std::filesystem::path path(file);
    EPICRISIS_CHECK(path.is_relative() && path.filename() == path && file.ends_with(".bin"));
  }
  const auto again = parse_shard_index(format_shard_index(*index), ".bin", "fuzz");
  EPICRISIS_CHECK(again && again->file_of == index->file_of && again->total_bytes == index->total_bytes);
  return 0;
}
