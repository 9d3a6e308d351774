#include "text/sentences/sentence_splitter.hpp"

#include <algorithm>
#include <cctype>
#include <string>

#include "text/sentences/abbreviations.hpp"
#include "text/unicode/utf8.hpp"

namespace epicrisis {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_letter(char c) { return is_upper(c) || is_lower(c); }
bool is_terminator(char c) { return c == '.' || c == '!' || c == '?'; }
bool is_opener(char c) { return c == '"' || c == '\'' || c == '(' || c == '['; }
/// Closing quotes and brackets that belong to the sentence before them.
bool is_closer(char c) { return c == '"' || c == '\'' || c == ')' || c == ']'; }

bool all(std::string_view text, bool (*test)(char)) { return std::all_of(text.begin(), text.end(), test); }

std::string lower(std::string_view word) {
  std::string out(word);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

bool is_line_break(char32_t code_point) {
  return (code_point >= '\n' && code_point <= '\r') || code_point == 0x85 || code_point == 0x2028 ||
         code_point == 0x2029;
}

/// Bytes of the white space character at `position`, 0 if there is none.
std::size_t space_at(std::string_view text, std::size_t position) {
  const CodePoint next = decode_code_point_lossy(text, position);
  return is_white_space(next.value) ? next.size_bytes : 0;
}

std::size_t skip_space(std::string_view text, std::size_t position) {
  while (position < text.size()) {
    const std::size_t space = space_at(text, position);
    if (space == 0) break;
    position += space;
  }
  return position;
}

std::string_view trimmed(std::string_view text) {
  text.remove_prefix(skip_space(text, 0));
  while (!text.empty()) {
    std::size_t last = text.size() - 1;
    while (last > 0 && is_continuation(text[last])) --last;
    if (space_at(text, last) == 0) break;
    text = text.substr(0, last);
  }
  return text;
}

/// "1", "12", "a", "iv": what numbers the items of a list.
bool is_list_number(std::string_view word) {
  constexpr std::string_view kRoman = "ivxIVX";
  if (word.empty()) return false;
  if (all(word, is_digit)) return word.size() <= 2;
  return (word.size() == 1 && is_letter(word.front())) ||
         (word.size() <= 4 && word.find_first_not_of(kRoman) == std::string_view::npos);
}

/// A dot with white space after it, and what is around it.
struct Dot {
  std::string_view sentence;  ///< From the sentence's first character up to the dot, not including it.
  std::string_view word;      ///< What the dot is written behind; part of `sentence`.
  char follower;  ///< First character after the white space and opening quotes or brackets; 0 at the end.

  /// Whether this writer starts sentences with capitals: only then does the case of what follows say
  /// anything.
  bool capitalises() const { return !sentence.empty() && is_upper(sentence.front()); }
  std::string_view before_word() const {
    std::string_view before = sentence.substr(0, sentence.size() - word.size());
    while (!before.empty() && before.back() == ' ') before.remove_suffix(1);
    return before;
  }
  std::string_view previous_word() const {
    const std::string_view before = before_word();
    return before.substr(before.find_last_of(' ') + 1);  // npos + 1 is 0
  }
};

Dot dot_at(std::string_view text, std::size_t sentence, std::size_t dot, std::size_t next) {
  std::size_t begin = dot;
  while (begin > sentence && std::isspace(static_cast<unsigned char>(text[begin - 1])) == 0 &&
         !is_opener(text[begin - 1]) && text[begin - 1] != '/')
    --begin;
  while (next < text.size() && is_opener(text[next])) ++next;
  return {text.substr(sentence, dot - sentence), text.substr(begin, dot - begin),
          next < text.size() ? text[next] : '\0'};
}

/// "1. Aspirin" at the start of a sentence, or after a colon: the number belongs to what follows.
bool numbers_a_list(const Dot& dot) {
  if (!is_list_number(dot.word)) return false;
  const std::string_view before = dot.before_word();
  return before.empty() || before.back() == ':' || before.back() == ';';
}

/// "J. Smith" and "J.R. Smith", but neither "hepatitis C. He" nor "at 3 P.M. He".
bool is_initial(const Dot& dot) {
  if (dot.word.empty() || !is_upper(dot.word.front()) || !is_upper(dot.follower)) return false;
  if (dot.word.size() == 1) return !takes_letter(lower(dot.previous_word()));
  return dot.word.size() == 3 && dot.word[1] == '.' && is_upper(dot.word[2]) &&
         !is_clinical_abbreviation(dot.word);
}

bool ends_sentence(const Dot& dot) {
  if (dot.word.empty()) return true;
  if (numbers_a_list(dot) || is_initial(dot)) return false;
  const bool goes_on_in_lower_case = is_lower(dot.follower) && dot.capitalises();
  if (dot.word.back() == '.') return !is_lower(dot.follower);  // an ellipsis
  switch (abbreviation_kind(lower(dot.word))) {
    case AbbreviationKind::kTitle:
      return false;
    case AbbreviationKind::kBeforeNumber:
      return !is_digit(dot.follower) && !goes_on_in_lower_case;
    case AbbreviationKind::kDotted:
      return is_upper(dot.follower);
    case AbbreviationKind::kPlain:
      return !goes_on_in_lower_case;
    case AbbreviationKind::kNone:
      break;
  }
  return true;
}

/// Splits at line breaks, and at white space after a terminator where `ends(sentence, mark, next)` agrees;
/// those are the first byte of the sentence, the terminator's and that after the white space.
template <class Ends>
std::vector<std::string_view> split(std::string_view text, bool keep_closers, Ends ends) {
  std::vector<std::string_view> sentences;
  std::size_t sentence = skip_space(text, 0);
  const auto end_at = [&](std::size_t end, std::size_t next) {
    const std::string_view slice = trimmed(text.substr(sentence, end - sentence));
    if (!slice.empty()) sentences.push_back(slice);
    sentence = skip_space(text, next);
    return sentence;
  };
  for (std::size_t i = sentence; i < text.size();) {
    const CodePoint current = decode_code_point_lossy(text, i);
    if (is_line_break(current.value)) {
      i = end_at(i, i);
      continue;
    }
    i += current.size_bytes;
    if (!is_terminator(text[i - current.size_bytes])) continue;
    const std::size_t mark = i - 1;
    std::size_t end = i;
    while (keep_closers && end < text.size() && is_closer(text[end])) ++end;
    if (end >= text.size() || space_at(text, end) == 0) continue;
    const std::size_t next = skip_space(text, end);
    if (next < text.size() && ends(sentence, mark, next)) i = end_at(end, next);
  }
  if (sentence < text.size()) end_at(text.size(), text.size());
  return sentences;
}

}  // namespace

std::vector<std::string_view> split_sentences(std::string_view text) {
  return split(text, true, [text](std::size_t sentence, std::size_t mark, std::size_t next) {
    return text[mark] != '.' || ends_sentence(dot_at(text, sentence, mark, next));
  });
}

std::vector<std::string_view> split_sentences_plain(std::string_view text) {
  return split(text, false, [](std::size_t, std::size_t, std::size_t) { return true; });
}

}  // namespace epicrisis
