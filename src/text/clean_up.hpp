#pragma once

#include <string>
#include <string_view>

namespace epicrisis {

/// Removes the space that decoding leaves before punctuation and English contractions (" ." → ".", " n't" →
/// "n't"), as transformers does after decoding unless `clean_up_tokenization_spaces` is false.
std::string clean_up_tokenization_spaces(std::string_view text);

}  // namespace epicrisis
