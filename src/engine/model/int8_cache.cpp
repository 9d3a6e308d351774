#include "engine/model/int8_cache.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "base/log.hpp"
#include "checkpoint/derived_files.hpp"
#include "checkpoint/weight_files.hpp"

namespace epicrisis::engine {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kKeyDigits = 64;
struct Header {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t reserved;
  std::uint64_t size_bytes;  // of the matrices
  std::uint64_t checksum;    // of the matrices
  std::array<char, kKeyDigits> key;
  std::array<char, 32> padding;
};
static_assert(sizeof(Header) == 128, "matrices start on a cache line");
constexpr std::array<char, 8> kMagic = {'E', 'P', 'I', 'I', 'N', 'T', '8', '\n'};
constexpr std::uint32_t kVersion = 1;

constexpr std::uint64_t kPrime = 0x9E3779B97F4A7C15ULL;

// FNV-like, in lanes so that it runs at memory's speed: against damage, not against an attacker, who could
// change the checkpoint beside it.
std::uint64_t checksum_of_block(std::span<const std::byte> bytes) noexcept {
  constexpr std::size_t kLanes = 8;
  std::array<std::uint64_t, kLanes> lanes = {1, 2, 3, 4, 5, 6, 7, 8};
  std::size_t i = 0;
  for (; i + sizeof lanes <= bytes.size(); i += sizeof lanes) {
    std::array<std::uint64_t, kLanes> words;
    std::memcpy(words.data(), bytes.data() + i, sizeof words);
    for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] = (lanes[lane] ^ words[lane]) * kPrime;
  }
  std::uint64_t sum = bytes.size();
  for (; i < bytes.size(); ++i) sum = (sum ^ static_cast<std::uint64_t>(bytes[i])) * kPrime;
  for (const std::uint64_t lane : lanes) sum = (sum ^ (lane >> 29) ^ lane) * kPrime;
  return sum;
}

std::uint64_t checksum(std::span<const std::byte> bytes, ThreadTeam& team) {
  constexpr std::size_t kBlock = std::size_t{1} << 20;
  std::vector<std::uint64_t> sums((bytes.size() + kBlock - 1) / kBlock);
  team.run(static_cast<int>(sums.size()), static_cast<std::int64_t>(bytes.size()),
           [&](int task, int) noexcept {
             const std::size_t first = static_cast<std::size_t>(task) * kBlock;
             sums[static_cast<std::size_t>(task)] =
                 checksum_of_block(bytes.subspan(first, std::min(kBlock, bytes.size() - first)));
           });
  return checksum_of_block(std::as_bytes(std::span(sums)));
}

constexpr std::string_view kNamePrefix = "int8-";
constexpr std::size_t kNameDigits = 32;
constexpr auto kAbandoned = std::chrono::hours(24);

// What follows the digits of a cache's name: nothing, or where one is being written; nothing else is a cache.
std::optional<std::string> end_of_cache_name(const std::string& name) {
  const std::string prefix = derived_file_name(kNamePrefix);
  if (!name.starts_with(prefix) || name.size() < prefix.size() + kNameDigits) return {};
  const std::string digits = name.substr(prefix.size(), kNameDigits);
  if (digits.find_first_not_of("0123456789abcdef") != std::string::npos) return {};
  return name.substr(prefix.size() + kNameDigits);
}

// A cache of an earlier state of the same model is of no use any more, nor is one whose writer died. Other
// hidden files belong to others.
void remove_others(const fs::path& kept) {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(kept.parent_path(), ignored)) {
    const auto end = end_of_cache_name(entry.path().filename().string());
    if (!end || entry.path() == kept || !entry.is_regular_file(ignored)) continue;
    const bool is_aside = end->starts_with(".tmp-");
    const bool is_old = entry.last_write_time(ignored) < fs::file_time_type::clock::now() - kAbandoned;
    if (end->empty() || (is_aside && is_old)) fs::remove(entry.path(), ignored);
  }
}

Result<void> write_file(const fs::path& path, const Header& header, std::span<const std::byte> matrices) {
  EPICRISIS_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path));
  EPICRISIS_RETURN_IF_ERROR(file.write(std::as_bytes(std::span(&header, 1))));
  EPICRISIS_RETURN_IF_ERROR(file.write(matrices));
  return file.commit();
}

fs::path user_cache_folder() {
  const char* xdg = std::getenv("XDG_CACHE_HOME");
  // The XDG base directory specification: a relative path is to be ignored.
  if (xdg != nullptr && fs::path(xdg).is_absolute()) return fs::path(xdg) / "epicrisis";
  const char* home = std::getenv("HOME");
  if (home != nullptr && fs::path(home).is_absolute()) return fs::path(home) / ".cache" / "epicrisis";
  return {};
}

}  // namespace

std::span<const std::byte> Int8CacheFile::matrices() const noexcept {
  return file_.bytes().subspan(sizeof(Header));
}

std::optional<Int8CacheFile> Int8CacheFile::open(std::span<const fs::path> paths, const std::string& key,
                                                 std::size_t size_bytes, ThreadTeam& team) {
  for (const fs::path& path : paths) {
    Result<MappedFile> mapped = MappedFile::open(path);
    if (!mapped || mapped->bytes().size() != sizeof(Header) + size_bytes) continue;
    Int8CacheFile file(*std::move(mapped));
    Header header;
    std::memcpy(&header, file.file_.bytes().data(), sizeof header);
    if (header.magic == kMagic && header.version == kVersion && header.size_bytes == size_bytes &&
        std::string_view(header.key.data(), kKeyDigits) == key &&
        header.checksum == checksum(file.matrices(), team))
      return file;
    log::warning("engine.int8_cache_ignored", {{"bytes", size_bytes}});
  }
  return {};
}

std::optional<Int8CacheFile> Int8CacheFile::write(std::span<const fs::path> paths, const std::string& key,
                                                  std::span<const std::byte> matrices, ThreadTeam& team) {
  Header header{kMagic, kVersion, 0, matrices.size(), checksum(matrices, team), {}, {}};
  if (key.size() != kKeyDigits) return {};
  std::memcpy(header.key.data(), key.data(), kKeyDigits);
  for (const fs::path& path : paths) {
    const bool in_model_folder = &path == paths.data();
    std::error_code ignored;
    if (!in_model_folder) fs::create_directories(path.parent_path(), ignored);
    if (!write_file(path, header, matrices)) continue;
    if (in_model_folder) remove_others(path);
    return open(std::span(&path, 1), key, matrices.size(), team);
  }
  log::debug("engine.int8_cache_not_written", {{"bytes", matrices.size()}});
  return {};
}

std::string weight_files_identity(const fs::path& folder) {
  const auto files = find_weight_files(folder);
  if (!files) return {};
  const auto names = list_weight_files(*files);
  if (!names) return {};
  std::string identity;
  for (const std::string& name : *names) {
    std::error_code failure;
    const auto size = fs::file_size(folder / name, failure);
    if (failure) return {};
    const auto changed = fs::last_write_time(folder / name, failure);
    if (failure) return {};
    identity += fmt::format("{} {} {}\n", name, size, changed.time_since_epoch().count());
  }
  return identity;
}

std::vector<fs::path> int8_cache_paths(const fs::path& folder, const std::string& key) {
  const std::string name = derived_file_name(std::string(kNamePrefix) + key.substr(0, kNameDigits));
  std::vector<fs::path> paths = {folder / name};
  if (const fs::path user = user_cache_folder(); !user.empty()) paths.push_back(user / name);
  return paths;
}

}  // namespace epicrisis::engine
