#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace epicrisis::evaluate {

/// Sentences by the plainest rule, so that baselines mean the same everywhere: one ends at a line break or at
/// white space after '.', '!' or '?'. Slices of `text`, trimmed, none empty. (text/sentences knows
/// abbreviations; a baseline that changed with it would not compare with published ones.)
std::vector<std::string_view> plain_sentences(std::string_view text);

/// The first `count` plain sentences, joined by single blanks.
std::string first_sentences(std::string_view text, std::size_t count);

/// The last `count` plain sentences, joined by single blanks.
std::string last_sentences(std::string_view text, std::size_t count);

}  // namespace epicrisis::evaluate
