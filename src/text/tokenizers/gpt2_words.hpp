#pragma once

#include <cstdint>
#include <string_view>

namespace epicrisis {

/// GPT-2's split as a regular expression (Radford et al. 2019, encoder.py).
inline constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

/// End of the match of kGpt2Pattern that starts at `begin`, written out by hand: one pass, no backtracking.
/// Matches touch, so the next one starts there. Precondition: valid UTF-8, begin < text.size().
std::size_t gpt2_word_end(std::string_view text, std::size_t begin);

}  // namespace epicrisis
