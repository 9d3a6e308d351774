#include "text/unicode/properties.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <array>

#include "base/check.hpp"

namespace epicrisis {
namespace {

/// Longest full decomposition of the database is 18 (U+FDFA).
constexpr std::size_t kMaxDecomposition = 32;

utf8proc_category_t category(char32_t code_point) noexcept {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
}

constexpr std::uint32_t bit(utf8proc_category_t value) { return 1U << static_cast<unsigned>(value); }

bool in(char32_t code_point, std::uint32_t categories) noexcept {
  return (categories >> static_cast<unsigned>(category(code_point)) & 1U) != 0;
}

constexpr std::uint32_t kLetters = bit(UTF8PROC_CATEGORY_LU) | bit(UTF8PROC_CATEGORY_LL) |
                                   bit(UTF8PROC_CATEGORY_LT) | bit(UTF8PROC_CATEGORY_LM) |
                                   bit(UTF8PROC_CATEGORY_LO);
constexpr std::uint32_t kNumbers =
    bit(UTF8PROC_CATEGORY_ND) | bit(UTF8PROC_CATEGORY_NL) | bit(UTF8PROC_CATEGORY_NO);
constexpr std::uint32_t kMarks =
    bit(UTF8PROC_CATEGORY_MN) | bit(UTF8PROC_CATEGORY_MC) | bit(UTF8PROC_CATEGORY_ME);
constexpr std::uint32_t kPunctuation = bit(UTF8PROC_CATEGORY_PC) | bit(UTF8PROC_CATEGORY_PD) |
                                       bit(UTF8PROC_CATEGORY_PS) | bit(UTF8PROC_CATEGORY_PE) |
                                       bit(UTF8PROC_CATEGORY_PI) | bit(UTF8PROC_CATEGORY_PF) |
                                       bit(UTF8PROC_CATEGORY_PO);
constexpr std::uint32_t kControls =
    bit(UTF8PROC_CATEGORY_CC) | bit(UTF8PROC_CATEGORY_CF) | bit(UTF8PROC_CATEGORY_CO);

}  // namespace

bool is_letter(char32_t code_point) noexcept { return in(code_point, kLetters); }
bool is_number(char32_t code_point) noexcept { return in(code_point, kNumbers); }
bool is_mark(char32_t code_point) noexcept { return in(code_point, kMarks); }
bool is_nonspacing_mark(char32_t code_point) noexcept { return category(code_point) == UTF8PROC_CATEGORY_MN; }
bool is_control_or_format(char32_t code_point) noexcept { return in(code_point, kControls); }

bool is_punctuation(char32_t code_point) noexcept {
  if (code_point < 0x80) {
    return (code_point >= '!' && code_point <= '/') || (code_point >= ':' && code_point <= '@') ||
           (code_point >= '[' && code_point <= '`') || (code_point >= '{' && code_point <= '~');
  }
  return in(code_point, kPunctuation);
}

std::uint8_t combining_class(char32_t code_point) noexcept {
  return static_cast<std::uint8_t>(
      utf8proc_get_property(static_cast<utf8proc_int32_t>(code_point))->combining_class);
}

std::u32string to_lower(char32_t code_point) {
  // The one character whose lower case has two: utf8proc maps one to one.
  if (code_point == 0x130) return U"i\u0307";
  return {static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code_point)))};
}

void decompose(char32_t code_point, Decomposition kind, std::u32string& out) {
  std::array<utf8proc_int32_t, kMaxDecomposition> parts{};
  int boundary = 0;
  const auto options = static_cast<utf8proc_option_t>(
      UTF8PROC_DECOMPOSE | (kind == Decomposition::kCompatibility ? UTF8PROC_COMPAT : 0));
  const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(code_point), parts.data(),
                                             static_cast<utf8proc_ssize_t>(parts.size()), options, &boundary);
  EPICRISIS_CHECK(count > 0 && static_cast<std::size_t>(count) <= parts.size());
  for (utf8proc_ssize_t i = 0; i < count; ++i)
    out.push_back(static_cast<char32_t>(parts[static_cast<std::size_t>(i)]));
}

std::optional<char32_t> compose(char32_t first, char32_t second) {
  std::array<utf8proc_int32_t, 2> pair = {static_cast<utf8proc_int32_t>(first),
                                          static_cast<utf8proc_int32_t>(second)};
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE);
  if (utf8proc_normalize_utf32(pair.data(), 2, options) != 1) return std::nullopt;
  return static_cast<char32_t>(pair[0]);
}

bool is_ascii(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char byte) { return static_cast<signed char>(byte) >= 0; });
}

}  // namespace epicrisis
