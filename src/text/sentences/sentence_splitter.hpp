#pragma once

#include <string_view>
#include <vector>

namespace epicrisis {

/// Splits clinical text into sentences: slices of `text`, trimmed, none empty, in order. A sentence ends at a
/// line break, or at white space after '.', '!' or '?' unless that dot closes an abbreviation, an initial or
/// a list number ("Dr. Lee", "q.d. dosing", "1. Aspirin"). The views live as long as `text`.
std::vector<std::string_view> split_sentences(std::string_view text);

/// The same by the plain rule that published reference scores use: a sentence ends at white space after '.',
/// '!' or '?', or at a line break, abbreviations or not.
std::vector<std::string_view> split_sentences_plain(std::string_view text);

}  // namespace epicrisis
