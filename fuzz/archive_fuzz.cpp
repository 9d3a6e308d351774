// Any bytes unpack to plain files and folders within the target and the limits, or give an Error of one line.
#include "checkpoint/archive.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <string_view>

#include "base/check.hpp"
#include "base/files.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace epicrisis;
  namespace fs = std::filesystem;
  constexpr ExtractLimits kLimits{.max_total_bytes = 1U << 20, .max_members = 64, .free_bytes = 1U << 20};
  const TemporaryDirectory scratch = TemporaryDirectory::create().value();
  const fs::path archive = scratch.path() / "a.tar.gz";
  write_file_atomically(archive, std::string_view(reinterpret_cast<const char*>(data), size)).value();
  fs::create_directory(scratch.path() / "out");
  const auto outcome = extract_tar_gz(archive, scratch.path() / "out", kLimits);
  if (!outcome) EPICRISIS_CHECK(outcome.error().to_line().find('\n') == std::string::npos);
  std::uint64_t total = 0;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(scratch.path() / "out")) {
    EPICRISIS_CHECK(!entry.is_symlink() && (entry.is_directory() || entry.is_regular_file()));
    if (entry.is_regular_file()) total += entry.file_size();
  }
  EPICRISIS_CHECK(total <= kLimits.max_total_bytes);
  // Only the archive and the target: nothing climbed out.
  EPICRISIS_CHECK(std::distance(fs::directory_iterator(scratch.path()), fs::directory_iterator()) == 2);
  return 0;
}
