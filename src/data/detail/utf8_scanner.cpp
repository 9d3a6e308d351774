#include "data/detail/utf8_scanner.hpp"

namespace epicrisis::data::detail {

bool Utf8Scanner::accept(unsigned char byte) noexcept {
  if (pending_ > 0) {
    if (byte < lowest_ || byte > highest_) return false;
    lowest_ = 0x80;
    highest_ = 0xBF;
    --pending_;
    return true;
  }
  if (byte < 0x80) return true;
  // The second byte's range excludes overlong forms, surrogates and what lies past U+10FFFF.
  if (byte >= 0xC2 && byte <= 0xDF) {
    pending_ = 1;
  } else if (byte >= 0xE0 && byte <= 0xEF) {
    pending_ = 2;
    if (byte == 0xE0) lowest_ = 0xA0;
    if (byte == 0xED) highest_ = 0x9F;
  } else if (byte >= 0xF0 && byte <= 0xF4) {
    pending_ = 3;
    if (byte == 0xF0) lowest_ = 0x90;
    if (byte == 0xF4) highest_ = 0x8F;
  } else {
    return false;
  }
  return true;
}

std::size_t Utf8Scanner::scan(std::string_view block) noexcept {
  for (std::size_t i = 0; i < block.size(); ++i, ++offset_) {
    const auto byte = static_cast<unsigned char>(block[i]);
    if (pending_ == 0) {
      if (byte != 0 && byte < 0x80) continue;
      sequence_start_ = offset_;
    }
    if (byte == 0 && pending_ == 0) {
      fault_ = Fault::kNul;
      return i;
    }
    if (!accept(byte)) {
      fault_ = Fault::kInvalid;
      return i;
    }
  }
  return block.size();
}

}  // namespace epicrisis::data::detail
