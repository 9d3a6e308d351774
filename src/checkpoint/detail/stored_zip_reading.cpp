#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "checkpoint/detail/printable.hpp"
#include "checkpoint/detail/stored_zip.hpp"

namespace epicrisis::detail {
namespace {

constexpr std::uint32_t kLocalSignature = 0x04034b50;
constexpr std::uint32_t kCentralSignature = 0x02014b50;
constexpr std::uint32_t kEndSignature = 0x06054b50;
constexpr std::uint32_t kZip64EndSignature = 0x06064b50;
constexpr std::uint32_t kZip64LocatorSignature = 0x07064b50;
constexpr std::size_t kLocalBytes = 30;
constexpr std::size_t kCentralBytes = 46;
constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kZip64EndBytes = 56;
constexpr std::size_t kZip64LocatorBytes = 20;
constexpr std::uint16_t kZip64Extra = 0x0001;
constexpr std::uint32_t kInZip64 = 0xFFFFFFFF;

/// Where the central directory lies.
struct Directory {
  std::uint64_t offset = 0;
  std::uint64_t size_bytes = 0;
  std::uint64_t entries = 0;
};

class Reader {
 public:
  Reader(std::span<const std::byte> bytes, std::string_view what) : bytes_(bytes), what_(what) {}

  Result<StoredEntries> run() {
    EPICRISIS_ASSIGN_OR_RETURN(const Directory directory, find_directory());
    StoredEntries entries;
    std::uint64_t at = directory.offset;
    const std::uint64_t end = directory.offset + directory.size_bytes;
    for (std::uint64_t i = 0; i < directory.entries; ++i) {
      EPICRISIS_ASSIGN_OR_RETURN(at, read_entry(at, end, directory.offset, entries));
    }
    EPICRISIS_RETURN_IF_ERROR(check_overlaps());
    return entries;
  }

 private:
  Error corrupt(std::string detail) const {
    return {ErrorCode::kCorrupt, fmt::format("'{}' is not a valid zip file; is it complete?", what_),
            std::move(detail)};
  }
  bool has(std::uint64_t at, std::uint64_t count) const {
    return at <= bytes_.size() && count <= bytes_.size() - at;
  }
  /// Precondition: has(at, sizeof(T)).
  template <class T>
  T number(std::uint64_t at) const {
    T value;
    std::memcpy(&value, bytes_.data() + at, sizeof value);
    return value;
  }

  Result<Directory> find_directory() const {
    constexpr std::size_t kMaxComment = 0xFFFF;
    if (bytes_.size() < kEndBytes) return corrupt("too short");
    const std::size_t last = bytes_.size() - kEndBytes;
    for (std::size_t back = 0; back <= std::min(last, kMaxComment); ++back) {
      const std::size_t at = last - back;
      if (number<std::uint32_t>(at) != kEndSignature || number<std::uint16_t>(at + 20) != back) continue;
      Directory directory{number<std::uint32_t>(at + 16), number<std::uint32_t>(at + 12),
                          number<std::uint16_t>(at + 10)};
      const bool zip64 = at >= kZip64LocatorBytes &&
                         number<std::uint32_t>(at - kZip64LocatorBytes) == kZip64LocatorSignature;
      if (zip64) {
        EPICRISIS_ASSIGN_OR_RETURN(directory, read_zip64_end(at - kZip64LocatorBytes));
      }
      // Each entry takes at least kCentralBytes: bounds the loop over them.
      if (!has(directory.offset, directory.size_bytes) || directory.offset + directory.size_bytes > at ||
          directory.entries > directory.size_bytes / kCentralBytes) {
        return corrupt("its directory lies outside the file");
      }
      return directory;
    }
    return corrupt("it has no directory at its end");
  }

  Result<Directory> read_zip64_end(std::uint64_t locator) const {
    const auto at = number<std::uint64_t>(locator + 8);
    if (at > locator || !has(at, kZip64EndBytes) || number<std::uint32_t>(at) != kZip64EndSignature) {
      return corrupt("its zip64 directory is not where it should be");
    }
    return Directory{number<std::uint64_t>(at + 48), number<std::uint64_t>(at + 40),
                     number<std::uint64_t>(at + 32)};
  }

  /// Reads the record at `at` and returns where the next one starts.
  Result<std::uint64_t> read_entry(std::uint64_t at, std::uint64_t end, std::uint64_t data_end,
                                   StoredEntries& entries) {
    if (at + kCentralBytes > end || number<std::uint32_t>(at) != kCentralSignature) {
      return corrupt(fmt::format("a damaged directory record at byte {}", at));
    }
    const auto name_bytes = number<std::uint16_t>(at + 28);
    const auto extra_bytes = number<std::uint16_t>(at + 30);
    const std::uint64_t next = at + kCentralBytes + name_bytes + extra_bytes + number<std::uint16_t>(at + 32);
    if (next > end) return corrupt(fmt::format("a damaged directory record at byte {}", at));
    std::string name(reinterpret_cast<const char*>(bytes_.data()) + at + kCentralBytes, name_bytes);
    constexpr std::uint16_t kEncrypted = 1;
    if (number<std::uint16_t>(at + 10) != 0 || (number<std::uint16_t>(at + 8) & kEncrypted) != 0) {
      return Error{ErrorCode::kUnsupported,
                   fmt::format("'{}' is compressed or encrypted inside; torch.save stores entries.", what_),
                   fmt::format("entry '{}'", printable(name))};
    }
    std::uint64_t stored = number<std::uint32_t>(at + 20);
    std::uint64_t size = number<std::uint32_t>(at + 24);
    std::uint64_t offset = number<std::uint32_t>(at + 42);
    if (!read_zip64_extra(at + kCentralBytes + name_bytes, extra_bytes, size, stored, offset)) {
      return corrupt(fmt::format("entry '{}' lacks its zip64 sizes", printable(name)));
    }
    StoredEntry entry;
    entry.crc32 = number<std::uint32_t>(at + 16);
    EPICRISIS_ASSIGN_OR_RETURN(entry.data, data_of(offset, size, stored, data_end, name));
    const auto data_begin = static_cast<std::uint64_t>(entry.data.data() - bytes_.data());
    extents_.emplace_back(offset, data_begin + size);
    if (!entries.emplace(name, entry).second) {
      return corrupt(fmt::format("entry '{}' is there twice", printable(name)));
    }
    return next;
  }

  /// Replaces each value that a 32-bit field could not hold by the next one of the zip64 extra field.
  bool read_zip64_extra(std::uint64_t at, std::uint64_t extra_bytes, std::uint64_t& size,
                        std::uint64_t& stored, std::uint64_t& offset) const {
    if (size != kInZip64 && stored != kInZip64 && offset != kInZip64) return true;
    const std::uint64_t end = at + extra_bytes;
    while (at + 4 <= end) {
      const auto id = number<std::uint16_t>(at);
      const std::uint64_t field_end = at + 4 + number<std::uint16_t>(at + 2);
      if (field_end > end) return false;
      if (id == kZip64Extra) {
        std::uint64_t field = at + 4;
        for (std::uint64_t* const value : {&size, &stored, &offset}) {
          if (*value != kInZip64) continue;
          if (field + 8 > field_end) return false;
          *value = number<std::uint64_t>(field);
          field += 8;
        }
        return true;
      }
      at = field_end;
    }
    return false;
  }

  Result<std::span<const std::byte>> data_of(std::uint64_t offset, std::uint64_t size, std::uint64_t stored,
                                             std::uint64_t data_end, std::string_view name) const {
    const auto outside = [&] {
      return corrupt(fmt::format("entry '{}' lies outside the file", printable(name)));
    };
    if (size != stored || offset > data_end || data_end - offset < kLocalBytes) return outside();
    if (number<std::uint32_t>(offset) != kLocalSignature) {
      return corrupt(fmt::format("entry '{}' has no header at byte {}", printable(name), offset));
    }
    const std::uint64_t begin =
        offset + kLocalBytes + number<std::uint16_t>(offset + 26) + number<std::uint16_t>(offset + 28);
    if (begin > data_end || size > data_end - begin) return outside();
    return bytes_.subspan(begin, size);
  }

  Result<void> check_overlaps() {
    std::sort(extents_.begin(), extents_.end());
    for (std::size_t i = 1; i < extents_.size(); ++i) {
      if (extents_[i].first < extents_[i - 1].second) {
        return corrupt(fmt::format("two entries share bytes from {} on", extents_[i].first));
      }
    }
    return {};
  }

  std::span<const std::byte> bytes_;
  std::string_view what_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> extents_;  ///< Local header to end of data.
};

}  // namespace

Result<StoredEntries> read_stored_zip(std::span<const std::byte> bytes, std::string_view what) {
  return Reader(bytes, what).run();
}

Result<void> verify_checksum(const StoredEntry& entry, std::string_view name, std::string_view what) {
  if (update_crc32(0, entry.data) == entry.crc32) return {};
  return Error{ErrorCode::kCorrupt,
               fmt::format("'{}' is damaged: a checksum is wrong; copy or download it again.", what),
               fmt::format("entry '{}'", printable(name))};
}

}  // namespace epicrisis::detail
