#include "text/unicode/utf8.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <cstring>

namespace epicrisis {
namespace {

unsigned char byte_at(std::string_view text, std::size_t position) {
  return static_cast<unsigned char>(text[position]);
}

/// Bytes that can be taken at `position`, and whether they form a code point or a maximal ill-formed part.
struct Step {
  std::uint32_t size_bytes;
  bool valid;
};

/// Table 3-7 of the Unicode Standard: which second bytes may follow a lead byte.
Step step_at(std::string_view text, std::size_t position) noexcept {
  const unsigned char lead = byte_at(text, position);
  if (lead < 0x80) return {1, true};
  if (lead < 0xC2 || lead > 0xF4) return {1, false};
  const std::uint32_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  for (std::uint32_t i = 1; i < length; ++i) {
    if (position + i >= text.size()) return {i, false};
    const unsigned char next = byte_at(text, position + i);
    if (next < low || next > high) return {i, false};
    low = 0x80;
    high = 0xBF;
  }
  return {length, true};
}

/// First byte at or after `position` that is not ASCII; eight bytes at a time, since notes are mostly ASCII.
std::size_t skip_ascii(std::string_view text, std::size_t position) noexcept {
  constexpr std::uint64_t kHighBits = 0x8080808080808080ULL;
  while (position + 8 <= text.size()) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + position, 8);
    if ((word & kHighBits) != 0) break;
    position += 8;
  }
  while (position < text.size() && byte_at(text, position) < 0x80) ++position;
  return position;
}

/// First byte of the first ill-formed part at or after `position`; text.size() when there is none.
std::size_t find_invalid(std::string_view text, std::size_t position) noexcept {
  while ((position = skip_ascii(text, position)) < text.size()) {
    const Step step = step_at(text, position);
    if (!step.valid) return position;
    position += step.size_bytes;
  }
  return text.size();
}

}  // namespace

bool is_valid_utf8(std::string_view text) noexcept { return find_invalid(text, 0) == text.size(); }

std::string to_valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  std::size_t position = 0;
  while (true) {
    const std::size_t invalid = find_invalid(text, position);
    valid.append(text.substr(position, invalid - position));
    if (invalid == text.size()) return valid;
    valid.append(kReplacementCharacter);
    position = invalid + step_at(text, invalid).size_bytes;
  }
}

std::size_t count_code_points(std::string_view text) noexcept {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char byte) { return !is_continuation(byte); }));
}

CodePoint decode_code_point(std::string_view text, std::size_t position) noexcept {
  const std::uint32_t length = sequence_length(text[position]);
  if (length == 1) return {byte_at(text, position), 1};
  char32_t value = byte_at(text, position) & (0xFFU >> (length + 1));
  for (std::uint32_t i = 1; i < length; ++i) value = (value << 6) | (byte_at(text, position + i) & 0x3FU);
  return {value, length};
}

CodePoint decode_code_point_lossy(std::string_view text, std::size_t position) noexcept {
  const Step step = step_at(text, position);
  return step.valid ? decode_code_point(text, position) : CodePoint{0xFFFD, step.size_bytes};
}

void append_code_point(std::string& text, char32_t code_point) {
  utf8proc_uint8_t bytes[4];
  const auto size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code_point), bytes);
  for (utf8proc_ssize_t i = 0; i < size; ++i) text.push_back(static_cast<char>(bytes[i]));
}

bool is_white_space(char32_t code_point) noexcept {
  if (code_point < 0x80) return code_point == ' ' || (code_point >= '\t' && code_point <= '\r');
  return code_point == 0x85 || code_point == 0xA0 || code_point == 0x1680 ||
         (code_point >= 0x2000 && code_point <= 0x200A) || code_point == 0x2028 || code_point == 0x2029 ||
         code_point == 0x202F || code_point == 0x205F || code_point == 0x3000;
}

bool is_word_character(char32_t code_point) noexcept {
  if (code_point == 0x200C || code_point == 0x200D) return true;
  // Circled and squared letters are alphabetic without being of category L.
  if ((code_point >= 0x24B6 && code_point <= 0x24E9) || (code_point >= 0x1F130 && code_point <= 0x1F149) ||
      (code_point >= 0x1F150 && code_point <= 0x1F169) || (code_point >= 0x1F170 && code_point <= 0x1F189))
    return true;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(code_point))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:
      return false;
  }
}

}  // namespace epicrisis
