#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace epicrisis {

/// U+FFFD, which stands for bytes that are no UTF-8.
inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";

/// One code point and the bytes that it takes.
struct CodePoint {
  char32_t value = 0;
  std::uint32_t size_bytes = 0;
};

/// Whether `text` is UTF-8 as RFC 3629 defines it: no overlong forms, surrogates or values past U+10FFFF.
bool is_valid_utf8(std::string_view text) noexcept;

/// `text` with each maximal ill-formed part replaced by U+FFFD (Unicode 15, section 3.9), as Python's
/// errors="replace" does. The number of code points stays what such a decoder gives, so offsets agree.
std::string to_valid_utf8(std::string_view text);

/// Number of code points. Precondition: valid UTF-8.
std::size_t count_code_points(std::string_view text) noexcept;

/// Bytes of the sequence that `lead` starts. Precondition: `lead` is a lead byte of valid UTF-8.
inline std::uint32_t sequence_length(char lead) noexcept {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

/// Whether `byte` continues a sequence, that is, starts no code point.
inline bool is_continuation(char byte) noexcept { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

/// The code point that starts at `position`. Precondition: valid UTF-8, position < size and on a boundary.
CodePoint decode_code_point(std::string_view text, std::size_t position) noexcept;

/// The same for any bytes: an ill-formed part counts as one U+FFFD. Precondition: position < size.
CodePoint decode_code_point_lossy(std::string_view text, std::size_t position) noexcept;

/// Appends `code_point` to `text` as UTF-8. Precondition: a Unicode scalar value.
void append_code_point(std::string& text, char32_t code_point);

/// Unicode's White_Space property.
bool is_white_space(char32_t code_point) noexcept;

/// What \w matches in Unicode regular expressions (UTS #18, annex C): letters, marks, decimal digits,
/// letter numbers, connector punctuation, joiners.
bool is_word_character(char32_t code_point) noexcept;

}  // namespace epicrisis
