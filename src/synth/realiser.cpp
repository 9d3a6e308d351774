#include "synth/realiser.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/check.hpp"

namespace epicrisis::synth {
namespace {

constexpr char kMarkBegin = '\x02';
constexpr char kMarkEnd = '\x03';
constexpr char kDigitBase = '\x10';  // a fact's index as two digits of base 16 in 0x10..0x1f
constexpr std::size_t kShortestMistyped = 5;

bool is_mark(char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\n'; }
bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 && (c & 0x80) == 0; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '\'' || (c & 0x80) != 0; }
char to_lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }
char to_upper(char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); }

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), to_lower);
  return out;
}

std::string_view first_word(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && is_word(text[end])) ++end;
  return text.substr(0, end);
}

}  // namespace

std::string marked(std::size_t index, std::string_view words) {
  EPICRISIS_CHECK(index < 256);
  std::string out{kMarkBegin, static_cast<char>(kDigitBase + index / 16),
                  static_cast<char>(kDigitBase + index % 16)};
  out += words;
  out += kMarkEnd;
  return out;
}

std::vector<FactSpan> take_marks(std::string& text) {
  std::vector<FactSpan> open;
  std::vector<FactSpan> spans;
  std::string plain;
  std::size_t code_points = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == kMarkBegin) {
      const auto digit = [&](std::size_t at) { return static_cast<std::size_t>(text.at(at) - kDigitBase); };
      open.push_back({digit(i + 1) * 16 + digit(i + 2), code_points, code_points});
      i += 2;
    } else if (text[i] == kMarkEnd) {
      EPICRISIS_CHECK(!open.empty());
      open.back().end = code_points;
      spans.push_back(open.back());
      open.pop_back();
    } else {
      plain += text[i];
      if ((text[i] & 0xc0) != 0x80) ++code_points;
    }
  }
  EPICRISIS_CHECK(open.empty());
  text = std::move(plain);
  return spans;
}

PhraseReplacer::PhraseReplacer(const PhraseMap& phrases) {
  for (const auto& [phrase, alternatives] : phrases) {
    const bool exact = std::any_of(phrase.begin(), phrase.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    by_first_word_[lower(first_word(phrase))].push_back({phrase, exact, alternatives});
  }
  for (auto& [word, entries] : by_first_word_) {
    std::stable_sort(entries.begin(), entries.end(),
                     [](const Entry& a, const Entry& b) { return a.phrase.size() > b.phrase.size(); });
  }
}

std::string PhraseReplacer::replace(std::string_view text, int percent, Chosen& chosen,
                                    Random& random) const {
  std::string out;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::string_view word = first_word(text.substr(at));
    if (word.empty()) {
      out += text[at++];
      continue;
    }
    const Entry* match = nullptr;
    if (const auto entries = by_first_word_.find(lower(word)); entries != by_first_word_.end()) {
      for (const Entry& entry : entries->second) {
        const std::string_view candidate = text.substr(at, entry.phrase.size());
        const std::size_t end = at + entry.phrase.size();
        if (candidate.size() < entry.phrase.size() || (end < text.size() && is_word(text[end]))) continue;
        if (entry.exact_case ? candidate != entry.phrase : lower(candidate) != entry.phrase) continue;
        match = &entry;
        break;
      }
    }
    if (match == nullptr || !random.chance(percent)) {
      out += word;
      at += word.size();
      continue;
    }
    auto choice = chosen.find(match->phrase);
    if (choice == chosen.end()) {
      choice =
          chosen.emplace(match->phrase, match->alternatives[random.below(match->alternatives.size())]).first;
    }
    std::string words = choice->second;
    if (!match->exact_case && !is_lower(text[at]) && !words.empty()) words[0] = to_upper(words[0]);
    out += words;
    at += match->phrase.size();
  }
  return out;
}

std::string tidy(std::string_view text) {
  std::string out;
  std::string waiting_marks;  // marks after a blank stay with the word that follows
  bool blank = false;
  char last = '\n';
  std::size_t last_at = std::string::npos;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_mark(c)) {
      const bool end = c == kMarkEnd;
      (blank && !end ? waiting_marks : out) += c;
      if (c == kMarkBegin) {
        (blank ? waiting_marks : out) += text.substr(i + 1, 2);
        i += 2;
      }
      continue;
    }
    if (c == ' ') {
      if (last != '\n') blank = true;
      continue;
    }
    const bool stop =
        c == '.' && !(i + 1 < text.size() && is_digit(text[i + 1]) && (blank || is_digit(last)));
    if (c == ',' || c == ';' || c == ':' || stop) {
      const bool separates =
          last == ',' || last == ';' || last == ':' || last == '.' || last == '?' || last == '!';
      if (last == '\n' || (separates && !(stop && (last == ',' || last == ';')))) {
        out += waiting_marks;
        waiting_marks.clear();
        continue;
      }
      if (separates) {
        out[last_at] = '.';
        last = '.';
        continue;
      }
      blank = false;
    }
    if (c == '\n') {
      blank = false;
      if (last == ',' || last == ';') {
        out.erase(last_at, 1);
        last = ' ';
      }
      if (last == '\n' && (out.empty() || out.ends_with("\n\n") || last_at == std::string::npos)) continue;
    }
    if (blank) out += ' ';
    blank = false;
    out += waiting_marks;
    waiting_marks.clear();
    last_at = out.size();
    out += c;
    last = c;
  }
  out += waiting_marks;
  while (!out.empty() &&
         (out.back() == '\n' || out.back() == ' ' || out.back() == ',' || out.back() == ';')) {
    out.pop_back();
  }
  return out;
}

std::string capitalise(std::string_view text) {
  std::string out(text);
  bool at_start = true;
  char last = '\n';
  for (std::size_t i = 0; i < out.size(); ++i) {
    const char c = out[i];
    if (c == kMarkBegin) {
      i += 2;
      continue;
    }
    if (is_mark(c)) continue;
    if (c == '\n' || (c == ' ' && (last == '.' || last == '!' || last == '?'))) {
      at_start = true;
    } else if (at_start && (is_letter(c) || is_digit(c))) {
      const bool slashed = i + 1 < out.size() && out[i + 1] == '/';  // "c/o", "s/p"
      if (!slashed) out[i] = to_upper(c);
      at_start = false;
    }
    last = c;
  }
  return out;
}

namespace {

std::string misspelt(std::string word, Random& random) {
  static constexpr std::array<std::string_view, 3> kRows = {"qwertyuiop", "asdfghjkl", "zxcvbnm"};
  const std::size_t at = 1 + random.below(word.size() - 2);  // the first letter is rarely wrong
  switch (random.below(4)) {
    case 0:
      if (word[at] == word[at + 1])
        word.erase(at, 1);
      else
        std::swap(word[at], word[at + 1]);
      return word;
    case 1:
      return word.erase(at, 1);
    case 2:
      return word.insert(at, 1, word[at]);
    default:
      for (const std::string_view row : kRows) {
        const std::size_t key = row.find(word[at]);
        if (key != std::string_view::npos) word[at] = row[key + 1 < row.size() ? key + 1 : key - 1];
        if (key != std::string_view::npos) break;
      }
      return word;
  }
}

}  // namespace

std::string mistype(std::string_view text, int per_million, const std::set<std::string, std::less<>>& never,
                    Random& random, TypoCount& count) {
  std::string out;
  std::size_t at = 0;
  while (at < text.size()) {
    if (is_mark(text[at])) {
      const std::size_t length = text[at] == kMarkBegin ? 3 : 1;
      out += text.substr(at, length);
      at += length;
      continue;
    }
    std::string word(first_word(text.substr(at)));
    if (word.empty()) {
      out += text[at++];
      continue;
    }
    at += word.size();
    const bool ordinary = word.size() >= kShortestMistyped &&
                          std::all_of(word.begin() + 1, word.end(), is_lower) && is_letter(word[0]);
    if (ordinary && !never.contains(lower(word))) {
      ++count.words;
      if (random.chance_per_million(per_million)) {
        ++count.typos;
        word = misspelt(std::move(word), random);
      }
    }
    out += word;
  }
  return out;
}

}  // namespace epicrisis::synth
