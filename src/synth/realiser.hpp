#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "synth/content.hpp"
#include "synth/random.hpp"

namespace epicrisis::synth {

// Text on its way to a note carries marks round the words of each fact: control characters that no step
// counts as text, so that after abbreviating, tidying and mistyping we still know where a fact stands.

/// `words` between the marks of fact `index`. Precondition: index < 256.
std::string marked(std::size_t index, std::string_view words);

/// Where a fact stands in a text, in code points, end excluded.
struct FactSpan {
  std::size_t fact = 0;
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// Removes the marks from `text`. Spans come in the order of their ends.
std::vector<FactSpan> take_marks(std::string& text);

/// Replaces phrases ("shortness of breath") by others ("SOB").
class PhraseReplacer {
 public:
  explicit PhraseReplacer(const PhraseMap& phrases);

  /// Alternatives chosen so far, so that a note keeps to one.
  using Chosen = std::map<std::string, std::string, std::less<>>;
  /// Each occurrence is replaced with `percent` probability by the note's alternative for it.
  std::string replace(std::string_view text, int percent, Chosen& chosen, Random& random) const;

 private:
  struct Entry {
    std::string phrase;
    bool exact_case;
    std::vector<std::string> alternatives;
  };
  std::unordered_map<std::string, std::vector<Entry>> by_first_word_;  ///< Longest phrase first.
};

/// Blanks and punctuation as a writer leaves them where optional parts came out empty.
std::string tidy(std::string_view text);

/// Upper-cases the first letter of each line and sentence.
std::string capitalise(std::string_view text);

struct TypoCount {
  std::size_t words = 0;  ///< Words that may be mistyped: five letters or more, lower case, not in `never`.
  std::size_t typos = 0;
};

/// Mistypes each such word with `per_million` probability: two letters swapped, one dropped, doubled or hit
/// beside its key.
std::string mistype(std::string_view text, int per_million, const std::set<std::string, std::less<>>& never,
                    Random& random, TypoCount& count);

}  // namespace epicrisis::synth
