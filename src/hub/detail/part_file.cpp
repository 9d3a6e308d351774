#include "hub/detail/part_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

#include "base/files.hpp"
#include "hub/detail/text.hpp"

namespace epicrisis::detail {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxTagBytes = 1024;

struct ContentRange {
  std::uint64_t first = 0;
  std::optional<std::uint64_t> total;  ///< Nothing for '*'.
};

/// "bytes FIRST-LAST/TOTAL" (RFC 9110, section 14.4).
std::optional<ContentRange> parse_content_range(std::string_view text) {
  constexpr std::string_view kUnit = "bytes ";
  if (!text.starts_with(kUnit)) return {};
  text.remove_prefix(kUnit.size());
  const auto number = [&](char closing) -> std::optional<std::uint64_t> {
    std::uint64_t value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    const auto length = static_cast<std::size_t>(end - text.data());
    const bool is_last = length == text.size();
    if (failure != std::errc() || (closing == '\0' ? !is_last : is_last || *end != closing)) return {};
    text.remove_prefix(is_last ? length : length + 1);
    return value;
  };
  const auto first = number('-');
  const auto last = first ? number('/') : std::nullopt;
  if (!last || *last < *first) return {};
  ContentRange range{*first, {}};
  if (text == "*") return range;
  range.total = number('\0');
  if (!range.total || *range.total <= *last) return {};
  return range;
}

/// A strong entity tag that may stand in a header field.
bool is_strong_tag(std::string_view tag) {
  if (tag.size() < 2 || tag.size() > kMaxTagBytes || tag.front() != '"' || tag.back() != '"') return false;
  const std::string_view inside = tag.substr(1, tag.size() - 2);
  return inside.find('"') == std::string_view::npos &&
         std::all_of(inside.begin(), inside.end(), [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace

Result<PartFile> PartFile::open(fs::path path, std::string name, RemoteFile facts, Progress progress,
                                RoomCheck room) {
  std::error_code failed;
  fs::create_directories(path.parent_path(), failed);
  if (failed) return system_error(failed.value(), "create", path.parent_path());
  PartFile part;
  part.path_ = std::move(path);
  part.name_ = std::move(name);
  part.facts_ = std::move(facts);
  part.progress_ = std::move(progress);
  part.room_ = std::move(room);
  part.descriptor_ = ::open(part.path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (part.descriptor_ < 0) return system_error(errno, "write", part.path_);
  struct stat status {};
  if (::fstat(part.descriptor_, &status) != 0) return system_error(errno, "read", part.path_);
  part.position_ = static_cast<std::uint64_t>(status.st_size);
  if (part.facts_.size_bytes && part.position_ > *part.facts_.size_bytes)
    EPICRISIS_RETURN_IF_ERROR(part.restart());
  return part;
}

PartFile::PartFile(PartFile&& other) noexcept
    : path_(std::move(other.path_)),
      name_(std::move(other.name_)),
      facts_(std::move(other.facts_)),
      progress_(std::move(other.progress_)),
      room_(std::move(other.room_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      position_(other.position_) {}

PartFile::~PartFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::vector<std::string> PartFile::request_fields() {
  if (position_ == 0) return {};
  std::vector<std::string> fields = {fmt::format("Range: bytes={}-", position_)};
  const Result<std::string> tag = read_file(tag_path(), kMaxTagBytes);
  // Without a tag the range is asked for all the same: a commit never changes, and the hash decides.
  if (tag && is_strong_tag(*tag)) fields.push_back("If-Range: " + *tag);
  return fields;
}

Result<void> PartFile::begin(const HttpHead& head, const RemoteFile& facts) {
  facts_.merge(facts);
  if (head.status == 206) {
    EPICRISIS_RETURN_IF_ERROR(check_range(head));
  } else if (position_ > 0) {
    EPICRISIS_RETURN_IF_ERROR(restart());
  }
  EPICRISIS_RETURN_IF_ERROR(remember_tag(head));
  if (facts_.size_bytes && room_) return room_(*facts_.size_bytes - std::min(*facts_.size_bytes, position_));
  return {};
}

Result<void> PartFile::check_range(const HttpHead& head) {
  const auto range = parse_content_range(head.find("content-range").value_or(""));
  if (range && range->total) {
    RemoteFile whole;
    whole.size_bytes = range->total;
    facts_.merge(whole);
  }
  const bool is_ours = range && range->first == position_ &&
                       (!range->total || range->total == facts_.size_bytes) &&
                       (!facts_.size_bytes || position_ <= *facts_.size_bytes);
  if (is_ours) return {};
  discard();
  return Error{ErrorCode::kCorrupt,
               fmt::format("The hub sent another part of {} than was asked for; run the command again.",
                           in_quotes(name_)),
               fmt::format("Content-Range is {}, asked from byte {}",
                           in_quotes(head.find("content-range").value_or("")), position_)};
}

Result<void> PartFile::remember_tag(const HttpHead& head) {
  const auto tag = head.find("etag");
  if (tag && is_strong_tag(*tag)) return write_file_atomically(tag_path(), *tag);
  std::error_code ignored;
  fs::remove(tag_path(), ignored);
  return {};
}

Result<void> PartFile::take(std::span<const std::byte> bytes) {
  if (facts_.size_bytes && bytes.size() > *facts_.size_bytes - position_) {
    discard();
    return Error{ErrorCode::kCorrupt, fmt::format("The hub sends more of {} than it has.", in_quotes(name_)),
                 fmt::format("its size is {} bytes", *facts_.size_bytes)};
  }
  // A body of unknown length must not fill the disk.
  if (!facts_.size_bytes && room_) EPICRISIS_RETURN_IF_ERROR(room_(bytes.size()));
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_error(errno, "write", path_);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    position_ += static_cast<std::uint64_t>(written);
  }
  if (progress_) progress_(position_);
  return {};
}

Result<void> PartFile::end() {
  if (!facts_.size_bytes || position_ == *facts_.size_bytes) return {};
  return Error{ErrorCode::kUnavailable,
               fmt::format("The connection ended in the middle of {}.", in_quotes(name_)),
               fmt::format("{} of {} bytes", position_, *facts_.size_bytes)};
}

Result<void> PartFile::restart() {
  if (::ftruncate(descriptor_, 0) != 0) return system_error(errno, "write", path_);
  position_ = 0;
  std::error_code ignored;
  fs::remove(tag_path(), ignored);
  return {};
}

void PartFile::discard() {
  std::error_code ignored;
  fs::remove(path_, ignored);
  fs::remove(tag_path(), ignored);
}

Result<FileHashes> PartFile::verify() {
  EPICRISIS_ASSIGN_OR_RETURN(FileHashes hashes, hash_file(path_));
  const auto wrong = [&](std::string_view kind, std::string_view expected, std::string_view found) {
    discard();
    return Error{ErrorCode::kCorrupt,
                 fmt::format("{} arrived damaged and was dropped; run the command again.", in_quotes(name_)),
                 fmt::format("its {} is {}, the hub says {}", kind, found, expected)};
  };
  if (facts_.size_bytes && hashes.size_bytes != *facts_.size_bytes)
    return wrong("size", std::to_string(*facts_.size_bytes), std::to_string(hashes.size_bytes));
  if (!facts_.sha256.empty() && hashes.sha256 != facts_.sha256)
    return wrong("SHA-256", facts_.sha256, hashes.sha256);
  // The git hash of an LFS file is that of its pointer; a SHA-256 goes before.
  if (facts_.sha256.empty() && !facts_.git_sha1.empty() && hashes.git_sha1 != facts_.git_sha1)
    return wrong("git SHA-1", facts_.git_sha1, hashes.git_sha1);
  return hashes;
}

}  // namespace epicrisis::detail
