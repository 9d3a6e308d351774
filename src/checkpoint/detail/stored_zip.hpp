#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

// The zip container as torch.save writes it: entries stored, not compressed, so that tensors can be mapped.
// Own code because a library would copy them: libarchive streams entries, and neither gives their place in
// the file nor aligns what it writes. Format: PKWARE APPNOTE.TXT 6.3, sections 4.3 to 4.5.
namespace epicrisis::detail {

struct StoredEntry {
  std::span<const std::byte> data;
  std::uint32_t crc32 = 0;
};
using StoredEntries = std::map<std::string, StoredEntry, std::less<>>;

/// The entries of the zip file `bytes` by name, as views into it, zip64 included. `what` names the source in
/// errors. Every offset and size is checked against `bytes`; entries may not overlap. Errors: kCorrupt,
/// kUnsupported for compressed or encrypted entries.
Result<StoredEntries> read_stored_zip(std::span<const std::byte> bytes, std::string_view what);

/// kCorrupt unless the checksum of `entry` is right.
Result<void> verify_checksum(const StoredEntry& entry, std::string_view name, std::string_view what);

/// CRC-32 (ISO 3309) over pieces; start with 0.
std::uint32_t update_crc32(std::uint32_t crc, std::span<const std::byte> piece) noexcept;

/// Writes a zip of stored entries to a sink. Each entry's data start at a multiple of 64 bytes, dated 1980;
/// equal calls give equal bytes.
class StoredZipWriter {
 public:
  using Sink = std::function<Result<void>(std::span<const std::byte>)>;
  /// Sizes and offsets from `zip64_from` on are written as zip64 fields.
  explicit StoredZipWriter(Sink sink, std::uint64_t zip64_from = 0xFFFFFFFF)
      : sink_(std::move(sink)), zip64_from_(zip64_from) {}

  /// Starts an entry whose data follow by write(), `size_bytes` in all, with this checksum.
  Result<void> begin(std::string_view name, std::uint64_t size_bytes, std::uint32_t crc32);
  Result<void> write(std::span<const std::byte> piece);
  /// Writes the central directory. The last call.
  Result<void> finish();

 private:
  struct Written {
    std::string name;
    std::uint64_t offset;
    std::uint64_t size_bytes;
    std::uint32_t crc32;
  };
  std::string central_record(const Written& entry) const;
  std::string end_records(std::uint64_t directory_offset, std::uint64_t directory_bytes) const;
  Result<void> emit(std::string_view bytes);

  Sink sink_;
  std::uint64_t zip64_from_;
  std::uint64_t offset_ = 0;
  std::vector<Written> entries_;
};

}  // namespace epicrisis::detail
