#include "evaluate/detail/porter_stemmer.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

namespace epicrisis::evaluate::detail {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;

constexpr std::array<Pair, 16> kIrregular = {{{"skies", "sky"},
                                              {"sky", "sky"},
                                              {"dying", "die"},
                                              {"lying", "lie"},
                                              {"tying", "tie"},
                                              {"news", "news"},
                                              {"innings", "inning"},
                                              {"inning", "inning"},
                                              {"outings", "outing"},
                                              {"outing", "outing"},
                                              {"cannings", "canning"},
                                              {"canning", "canning"},
                                              {"howe", "howe"},
                                              {"proceed", "proceed"},
                                              {"exceed", "exceed"},
                                              {"succeed", "succeed"}}};

/// A, E, I, O, U, and Y after a consonant are vowels. Y runs alternate: in "syzygy" each one is a vowel.
bool is_vowel(std::string_view word, std::size_t i) {
  switch (word[i]) {
    case 'a':
    case 'e':
    case 'i':
    case 'o':
    case 'u':
      return true;
    case 'y': {
      std::size_t first = i;
      while (first > 0 && word[first - 1] == 'y') --first;
      const bool first_is_vowel = first > 0 && !is_vowel(word, first - 1);
      return (i - first) % 2 == 0 ? first_is_vowel : !first_is_vowel;
    }
    default:
      return false;
  }
}

/// m in [C](VC){m}[V]: how often a vowel is followed by a consonant.
int measure(std::string_view stem) {
  int count = 0;
  bool after_vowel = false;
  for (std::size_t i = 0; i < stem.size(); ++i) {
    const bool vowel = is_vowel(stem, i);
    if (after_vowel && !vowel) ++count;
    after_vowel = vowel;
  }
  return count;
}

bool has_vowel(std::string_view stem) {
  for (std::size_t i = 0; i < stem.size(); ++i) {
    if (is_vowel(stem, i)) return true;
  }
  return false;
}

/// Condition *d.
bool ends_in_double_consonant(std::string_view word) {
  const std::size_t n = word.size();
  return n >= 2 && word[n - 1] == word[n - 2] && !is_vowel(word, n - 1);
}

/// Condition *o, which NLTK extends to two letters.
bool is_short(std::string_view word) {
  const std::size_t n = word.size();
  if (n == 2) return is_vowel(word, 0) && !is_vowel(word, 1);
  if (n < 3 || is_vowel(word, n - 3) || !is_vowel(word, n - 2) || is_vowel(word, n - 1)) return false;
  return word[n - 1] != 'w' && word[n - 1] != 'x' && word[n - 1] != 'y';
}

std::string_view without(std::string_view word, std::size_t letters) {
  return word.substr(0, word.size() - letters);
}

void replace_end(std::string& word, std::size_t letters, std::string_view ending) {
  word.resize(word.size() - letters);
  word += ending;
}

/// The first pair whose suffix `word` has decides: its suffix is replaced when the stem's measure is larger
/// than `above`, and nothing else is tried.
void replace_first_suffix(std::string& word, std::initializer_list<Pair> rules, int above) {
  for (const auto& [suffix, ending] : rules) {
    if (!word.ends_with(suffix)) continue;
    if (measure(without(word, suffix.size())) > above) replace_end(word, suffix.size(), ending);
    return;
  }
}

void step_1a(std::string& word) {
  if (word.ends_with("ies") && word.size() == 4) {
    replace_end(word, 1, "");
  } else if (word.ends_with("sses") || word.ends_with("ies")) {
    replace_end(word, 2, "");
  } else if (word.ends_with("s") && !word.ends_with("ss")) {
    replace_end(word, 1, "");
  }
}

/// After -ed or -ing went.
void tidy_step_1b(std::string& word) {
  if (word.ends_with("at") || word.ends_with("bl") || word.ends_with("iz")) {
    word += 'e';
  } else if (ends_in_double_consonant(word)) {
    if (const char last = word.back(); last != 'l' && last != 's' && last != 'z') word.pop_back();
  } else if (measure(word) == 1 && is_short(word)) {
    word += 'e';
  }
}

void step_1b(std::string& word) {
  if (word.ends_with("ied")) {
    replace_end(word, word.size() == 4 ? 1 : 2, "");
  } else if (word.ends_with("eed")) {
    if (measure(without(word, 3)) > 0) replace_end(word, 1, "");
  } else {
    for (const std::string_view suffix : {"ed", "ing"}) {
      if (!word.ends_with(suffix) || !has_vowel(without(word, suffix.size()))) continue;
      replace_end(word, suffix.size(), "");
      tidy_step_1b(word);
      return;
    }
  }
}

void step_1c(std::string& word) {
  const std::size_t n = word.size();
  if (n > 2 && word.back() == 'y' && !is_vowel(word, n - 2)) word.back() = 'i';
}

void step_2(std::string& word) {
  // First, so that "conditionally" goes the way of "conditional".
  if (word.ends_with("alli") && measure(without(word, 4)) > 0) replace_end(word, 2, "");
  if (word.ends_with("logi")) {
    if (measure(without(word, 3)) > 0) replace_end(word, 1, "");
    return;
  }
  replace_first_suffix(
      word, {{"ational", "ate"}, {"tional", "tion"}, {"enci", "ence"}, {"anci", "ance"}, {"izer", "ize"},
             {"bli", "ble"},     {"alli", "al"},     {"entli", "ent"}, {"eli", "e"},     {"ousli", "ous"},
             {"ization", "ize"}, {"ation", "ate"},   {"ator", "ate"},  {"alism", "al"},  {"iveness", "ive"},
             {"fulness", "ful"}, {"ousness", "ous"}, {"aliti", "al"},  {"iviti", "ive"}, {"biliti", "ble"},
             {"fulli", "ful"}},
      0);
}

void step_3(std::string& word) {
  replace_first_suffix(word,
                       {{"icate", "ic"},
                        {"ative", ""},
                        {"alize", "al"},
                        {"iciti", "ic"},
                        {"ical", "ic"},
                        {"ful", ""},
                        {"ness", ""}},
                       0);
}

void step_4(std::string& word) {
  if (word.ends_with("ion")) {  // the only suffix of this step that also asks for a letter before it
    const std::string_view stem = without(word, 3);
    if (measure(stem) > 1 && (stem.ends_with('s') || stem.ends_with('t'))) replace_end(word, 3, "");
    return;
  }
  replace_first_suffix(word,
                       {{"al", ""},
                        {"ance", ""},
                        {"ence", ""},
                        {"er", ""},
                        {"ic", ""},
                        {"able", ""},
                        {"ible", ""},
                        {"ant", ""},
                        {"ement", ""},
                        {"ment", ""},
                        {"ent", ""},
                        {"ou", ""},
                        {"ism", ""},
                        {"ate", ""},
                        {"iti", ""},
                        {"ous", ""},
                        {"ive", ""},
                        {"ize", ""}},
                       1);
}

void step_5(std::string& word) {
  if (word.ends_with('e')) {
    const std::string_view stem = without(word, 1);
    const int m = measure(stem);
    if (m > 1 || (m == 1 && !is_short(stem))) word.pop_back();
  }
  if (word.ends_with("ll") && measure(without(word, 1)) > 1) word.pop_back();
}

}  // namespace

std::string porter_stem(std::string_view word) {
  const auto irregular = std::find_if(kIrregular.begin(), kIrregular.end(),
                                      [&](const Pair& form) { return form.first == word; });
  if (irregular != kIrregular.end()) return std::string(irregular->second);
  std::string stem(word);
  if (stem.size() <= 2) return stem;
  step_1a(stem);
  step_1b(stem);
  step_1c(stem);
  step_2(stem);
  step_3(stem);
  step_4(stem);
  step_5(stem);
  return stem;
}

}  // namespace epicrisis::evaluate::detail
