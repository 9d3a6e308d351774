#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "base/result.hpp"

namespace epicrisis::detail {

/// The content of a gzip file (RFC 1952), in order, up to a limit. zlib directly, because libarchive 3.6
/// does not verify the checksum at the end: a flipped bit would become a changed weight.
class GzipReader {
 public:
  /// Errors: kNotFound, kPermissionDenied, kCorrupt when the file is no gzip file.
  static Result<GzipReader> open(const std::filesystem::path& path);
  GzipReader(GzipReader&&) noexcept;
  GzipReader& operator=(GzipReader&&) noexcept;
  ~GzipReader();

  /// Fills `out` from its start; fewer bytes only at the end, where the checksum has been verified.
  /// Errors: kCorrupt, kResourceExhausted once more than set_limit() bytes have come out.
  Result<std::size_t> read(std::span<std::byte> out);
  void set_limit(std::uint64_t max_bytes) noexcept;
  std::uint64_t compressed_bytes() const noexcept;

 private:
  struct State;
  explicit GzipReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace epicrisis::detail
