#pragma once

#include <string>
#include <string_view>

namespace epicrisis::evaluate::detail {

/// The stem of a lower-case word of [a-z0-9], by Porter 1980 ("An algorithm for suffix stripping", Program
/// 14(3)) with the changes of NLTK's PorterStemmer in its default mode, which the reference ROUGE package
/// uses: irregular forms, four-letter -ies and -ied, y to i after a consonant only, -alli before the rest of
/// step 2, -bli, -fulli, -logi, and vowel-consonant words of two letters as short ones. libstemmer's "porter"
/// follows the paper and so differs on common words ("enjoy", "ties", "dying", "news").
std::string porter_stem(std::string_view word);

}  // namespace epicrisis::evaluate::detail
