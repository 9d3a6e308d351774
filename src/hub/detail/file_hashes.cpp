#include "hub/detail/file_hashes.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <nettle/sha1.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <span>
#include <vector>

#include "base/descriptor.hpp"
#include "base/files.hpp"
#include "base/sha256.hpp"

namespace epicrisis::detail {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPieceBytes = 1U << 20;

/// SHA-1 (FIPS 180-4): git names contents by it. Nothing here relies on it against an attacker.
class Sha1 {
 public:
  Sha1() { sha1_init(&context_); }
  void update(const void* bytes, std::size_t count) {
    sha1_update(&context_, count, static_cast<const std::uint8_t*>(bytes));
  }
  std::string hex() {
    std::array<std::uint8_t, SHA1_DIGEST_SIZE> digest{};
    sha1_digest(&context_, digest.size(), digest.data());
    return fmt::format("{:02x}", fmt::join(digest, ""));
  }

 private:
  sha1_ctx context_{};
};

}  // namespace

Result<FileHashes> hash_file(const fs::path& path, const std::function<void(std::uint64_t)>& progress) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return system_error(errno, "open", path);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return system_error(errno, "read", path);
  if (!S_ISREG(status.st_mode)) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("'{}' is not a regular file.", path.string()), ""};
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  Sha256 sha256;
  Sha1 sha1;
  const std::string header = fmt::format("blob {}", size);
  sha1.update(header.c_str(), header.size() + 1);  // with its closing zero
  std::vector<std::byte> piece(kPieceBytes);
  std::uint64_t done = 0;
  while (true) {
    const ssize_t count = ::read(file.get(), piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error(errno, "read", path);
    if (count == 0) break;
    const auto bytes = std::span(piece).first(static_cast<std::size_t>(count));
    sha256.update(bytes);
    sha1.update(bytes.data(), bytes.size());
    done += bytes.size();
    if (progress) progress(done);
  }
  if (done != size) {
    return Error{ErrorCode::kCorrupt, fmt::format("'{}' changed while it was read.", path.string()),
                 fmt::format("{} bytes, then {}", size, done)};
  }
  return FileHashes{size, sha256.hex(), sha1.hex()};
}

}  // namespace epicrisis::detail
