#include <algorithm>
#include <string>

#include "base/check.hpp"
#include "checkpoint/detail/stored_zip.hpp"

namespace epicrisis::detail {
namespace {

constexpr std::uint64_t kAlignment = 64;
constexpr std::uint32_t kInZip64 = 0xFFFFFFFF;
constexpr std::uint16_t kZip64Extra = 0x0001;
constexpr std::uint16_t kPaddingExtra = 0x4246;  // "FB", which torch pads with too
constexpr std::uint16_t kVersion = 45;           // 4.5: zip64
constexpr std::uint16_t kDate1980 = 0x0021;      // 1 January

template <class T>
void put(std::string& out, T number) {
  for (std::size_t i = 0; i < sizeof number; ++i) out += static_cast<char>(number >> (8 * i));
}

void put_times_and_checksum(std::string& out, std::uint32_t crc32) {
  put<std::uint16_t>(out, 0);  // flags
  put<std::uint16_t>(out, 0);  // stored
  put<std::uint16_t>(out, 0);  // midnight
  put<std::uint16_t>(out, kDate1980);
  put<std::uint32_t>(out, crc32);
}

std::uint32_t in_32_bits(std::uint64_t value, bool zip64) {
  return zip64 ? kInZip64 : static_cast<std::uint32_t>(value);
}

}  // namespace

Result<void> StoredZipWriter::emit(std::string_view bytes) {
  offset_ += bytes.size();
  return sink_(std::as_bytes(std::span(bytes)));
}

Result<void> StoredZipWriter::begin(std::string_view name, std::uint64_t size_bytes, std::uint32_t crc32) {
  entries_.push_back({std::string(name), offset_, size_bytes, crc32});
  const bool zip64 = size_bytes >= zip64_from_;
  std::string extra;
  if (zip64) {
    put<std::uint16_t>(extra, kZip64Extra);
    put<std::uint16_t>(extra, 16);
    put<std::uint64_t>(extra, size_bytes);
    put<std::uint64_t>(extra, size_bytes);
  }
  constexpr std::size_t kLocalBytes = 30;
  constexpr std::size_t kPaddingHeader = 4;
  const std::uint64_t unpadded = offset_ + kLocalBytes + name.size() + extra.size() + kPaddingHeader;
  const std::uint64_t padding = (kAlignment - unpadded % kAlignment) % kAlignment;
  put<std::uint16_t>(extra, kPaddingExtra);
  put<std::uint16_t>(extra, static_cast<std::uint16_t>(padding));
  extra.append(padding, '\0');

  std::string header;
  put<std::uint32_t>(header, 0x04034b50);
  put<std::uint16_t>(header, kVersion);
  put_times_and_checksum(header, crc32);
  put<std::uint32_t>(header, in_32_bits(size_bytes, zip64));
  put<std::uint32_t>(header, in_32_bits(size_bytes, zip64));
  put<std::uint16_t>(header, static_cast<std::uint16_t>(name.size()));
  put<std::uint16_t>(header, static_cast<std::uint16_t>(extra.size()));
  return emit(header + std::string(name) + extra);
}

Result<void> StoredZipWriter::write(std::span<const std::byte> piece) {
  EPICRISIS_CHECK(!entries_.empty());
  offset_ += piece.size();
  return sink_(piece);
}

std::string StoredZipWriter::central_record(const Written& entry) const {
  const bool big = entry.size_bytes >= zip64_from_;
  const bool far = entry.offset >= zip64_from_;
  std::string extra;
  if (big || far) {
    put<std::uint16_t>(extra, kZip64Extra);
    put<std::uint16_t>(extra, static_cast<std::uint16_t>((big ? 16 : 0) + (far ? 8 : 0)));
    if (big) put<std::uint64_t>(extra, entry.size_bytes);
    if (big) put<std::uint64_t>(extra, entry.size_bytes);
    if (far) put<std::uint64_t>(extra, entry.offset);
  }
  std::string record;
  put<std::uint32_t>(record, 0x02014b50);
  put<std::uint16_t>(record, kVersion);
  put<std::uint16_t>(record, kVersion);
  put_times_and_checksum(record, entry.crc32);
  put<std::uint32_t>(record, in_32_bits(entry.size_bytes, big));
  put<std::uint32_t>(record, in_32_bits(entry.size_bytes, big));
  put<std::uint16_t>(record, static_cast<std::uint16_t>(entry.name.size()));
  put<std::uint16_t>(record, static_cast<std::uint16_t>(extra.size()));
  record.append(10, '\0');  // comment, disk, attributes
  put<std::uint32_t>(record, in_32_bits(entry.offset, far));
  return record + entry.name + extra;
}

std::string StoredZipWriter::end_records(std::uint64_t directory_offset,
                                         std::uint64_t directory_bytes) const {
  const std::uint64_t count = entries_.size();
  std::string out;
  const bool zip64 = directory_offset >= zip64_from_ || directory_bytes >= zip64_from_ || count >= 0xFFFF;
  if (zip64) {
    put<std::uint32_t>(out, 0x06064b50);
    put<std::uint64_t>(out, 44);  // bytes of this record that follow
    put<std::uint16_t>(out, kVersion);
    put<std::uint16_t>(out, kVersion);
    out.append(8, '\0');  // disks
    put<std::uint64_t>(out, count);
    put<std::uint64_t>(out, count);
    put<std::uint64_t>(out, directory_bytes);
    put<std::uint64_t>(out, directory_offset);
    put<std::uint32_t>(out, 0x07064b50);
    put<std::uint32_t>(out, 0);
    put<std::uint64_t>(out, directory_offset + directory_bytes);
    put<std::uint32_t>(out, 1);
  }
  put<std::uint32_t>(out, 0x06054b50);
  put<std::uint32_t>(out, 0);  // disks
  const auto count16 = static_cast<std::uint16_t>(std::min<std::uint64_t>(count, 0xFFFF));
  put<std::uint16_t>(out, zip64 ? std::uint16_t{0xFFFF} : count16);
  put<std::uint16_t>(out, zip64 ? std::uint16_t{0xFFFF} : count16);
  put<std::uint32_t>(out, in_32_bits(directory_bytes, zip64));
  put<std::uint32_t>(out, in_32_bits(directory_offset, zip64));
  put<std::uint16_t>(out, 0);  // no comment
  return out;
}

Result<void> StoredZipWriter::finish() {
  const std::uint64_t directory_offset = offset_;
  std::string directory;
  for (const Written& entry : entries_) directory += central_record(entry);
  return emit(directory + end_records(directory_offset, directory.size()));
}

}  // namespace epicrisis::detail
