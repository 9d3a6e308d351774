// For builds without zlib, whose processor instructions are faster.
#include <array>

#include "checkpoint/detail/stored_zip.hpp"

namespace epicrisis::detail {
namespace {

constexpr std::array<std::uint32_t, 256> table() {
  std::array<std::uint32_t, 256> entries{};
  for (std::uint32_t byte = 0; byte < entries.size(); ++byte) {
    entries[byte] = byte;
    for (int bit = 0; bit < 8; ++bit)
      entries[byte] = entries[byte] >> 1U ^ ((entries[byte] & 1U) != 0 ? 0xedb88320U : 0U);
  }
  return entries;
}

}  // namespace

std::uint32_t update_crc32(std::uint32_t crc, std::span<const std::byte> piece) noexcept {
  static constexpr std::array<std::uint32_t, 256> kTable = table();
  crc = ~crc;
  for (const std::byte byte : piece)
    crc = kTable[(crc ^ static_cast<std::uint32_t>(byte)) & 0xffU] ^ crc >> 8U;
  return ~crc;
}

}  // namespace epicrisis::detail
