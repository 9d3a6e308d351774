#include <zlib.h>

#include "checkpoint/detail/stored_zip.hpp"

namespace epicrisis::detail {

std::uint32_t update_crc32(std::uint32_t crc, std::span<const std::byte> piece) noexcept {
  return static_cast<std::uint32_t>(
      ::crc32_z(crc, reinterpret_cast<const Bytef*>(piece.data()), piece.size()));
}

}  // namespace epicrisis::detail
