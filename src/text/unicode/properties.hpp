#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace epicrisis {

// Properties of the Unicode Character Database as utf8proc has them. Characters that later versions of
// Unicode added count as unassigned.

bool is_letter(char32_t code_point) noexcept;             ///< General category L.
bool is_number(char32_t code_point) noexcept;             ///< N: Nd, Nl and No.
bool is_mark(char32_t code_point) noexcept;               ///< M: Mn, Mc and Me.
bool is_nonspacing_mark(char32_t code_point) noexcept;    ///< Mn.
bool is_control_or_format(char32_t code_point) noexcept;  ///< Cc, Cf and Co: neither Cn nor Cs.
/// General category P, and the symbols of ASCII that keyboards call punctuation ($+<=>^`|~).
bool is_punctuation(char32_t code_point) noexcept;

/// Canonical_Combining_Class.
std::uint8_t combining_class(char32_t code_point) noexcept;

/// Lowercase_Mapping, unconditional part of SpecialCasing included: U+0130 becomes two code points.
std::u32string to_lower(char32_t code_point);

enum class Decomposition { kCanonical, kCompatibility };

/// Appends the full decomposition of `code_point`, Hangul included, to `out`. Not reordered.
void decompose(char32_t code_point, Decomposition kind, std::u32string& out);

/// The primary composite of a starter and the character after it (UAX #15), Hangul included.
std::optional<char32_t> compose(char32_t first, char32_t second);

/// Whether every byte is ASCII.
bool is_ascii(std::string_view text) noexcept;

}  // namespace epicrisis
