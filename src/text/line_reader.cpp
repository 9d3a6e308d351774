#include "text/line_reader.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include "base/files.hpp"

namespace epicrisis {
namespace {

constexpr std::size_t kBufferBytes = 1 << 18;
constexpr std::size_t kMaxLineBytes = 64 << 20;

gzFile as_gzip(void* file) { return static_cast<gzFile>(file); }

}  // namespace

void LineReader::Close::operator()(void* file) const noexcept { gzclose_r(as_gzip(file)); }

Result<LineReader> LineReader::open(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    return Error{ErrorCode::kInvalidArgument, fmt::format("'{}' is a folder, not a file.", path.string()),
                 ""};
  errno = 0;
  const gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) return system_error(errno, "open", path);
  gzbuffer(file, kBufferBytes);
  return LineReader(path, file);
}

/// Drops what was read and reads on; false at the end of the file.
Result<bool> LineReader::refill() {
  buffer_.erase(0, position_);
  position_ = 0;
  const std::size_t kept = buffer_.size();
  if (kept > kMaxLineBytes)
    return Error{ErrorCode::kResourceExhausted,
                 fmt::format("'{}' has a line of more than {} bytes.", path_.string(), kMaxLineBytes), ""};
  buffer_.resize(kept + kBufferBytes);
  const int count = gzread(as_gzip(file_.get()), buffer_.data() + kept, kBufferBytes);
  buffer_.resize(kept + static_cast<std::size_t>(count > 0 ? count : 0));
  int failure = Z_OK;
  gzerror(as_gzip(file_.get()), &failure);
  if (count < 0 || (count == 0 && failure == Z_BUF_ERROR)) {
    if (failure == Z_ERRNO) return system_error(errno, "read", path_);
    return Error{ErrorCode::kCorrupt,
                 fmt::format("'{}' is a damaged or truncated gzip file.", path_.string()), ""};
  }
  return count > 0;
}

Result<std::optional<std::string>> LineReader::next() {
  std::size_t searched = position_;
  std::size_t end = std::string::npos;
  while ((end = buffer_.find('\n', searched)) == std::string::npos) {
    const std::size_t pending = buffer_.size() - position_;
    EPICRISIS_ASSIGN_OR_RETURN(const bool more, refill());
    if (!more) {
      if (pending == 0) return std::optional<std::string>();
      end = buffer_.size();
      break;
    }
    searched = pending;
  }
  std::string line = buffer_.substr(position_, end - position_);
  position_ = std::min(end + 1, buffer_.size());
  if (line.ends_with('\r')) line.pop_back();
  return std::optional<std::string>(std::move(line));
}

}  // namespace epicrisis
