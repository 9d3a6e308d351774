#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

#include "text/tokenizers/component.hpp"
#include "text/tokenizers/regex.hpp"
#include "text/unicode/utf8.hpp"

// From Oniguruma's regular expressions (doc/RE of that library, Ruby syntax) to PCRE2's. Both agree on most;
// what differs is rewritten, and what has no equal is refused.
namespace epicrisis {
namespace {

// Contents of a character class. Oniguruma's \w inside a class is that of UTS #18 without joiners; PCRE2's
// has no marks.
constexpr std::string_view kWord = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc})";
// Outside a class and at word boundaries Oniguruma goes by a table for Latin-1, which adds numbers.
constexpr std::string_view kLoneWord = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{b2}\x{b3}\x{b9}\x{bc}-\x{be})";
// U+180E counts for PCRE2's \s alone.
constexpr std::string_view kSpace = R"(\p{White_Space})";
constexpr std::string_view kNoSpace = R"(\P{White_Space})";
constexpr std::string_view kHexDigit = "0-9A-Fa-f";
/// Nested groups and classes: deeper ones serve no purpose but to exhaust the stack.
constexpr int kMaxDepth = 64;

class Translator {
 public:
  Translator(std::string_view pattern, std::string_view where) : pattern_(pattern), where_(where) {}

  Result<std::string> run() {
    while (at_ < pattern_.size()) EPICRISIS_RETURN_IF_ERROR(element());
    return std::move(out_);
  }

 private:
  Error refuse(std::string_view what) const {
    return detail::unsupported_component(where_,
                                         fmt::format("{} in the regular expression '{}'", what, pattern_));
  }

  bool starts(std::string_view text) const { return pattern_.substr(at_).starts_with(text); }
  void copy(std::size_t size_bytes) {
    out_.append(pattern_.substr(at_, size_bytes));
    at_ = std::min(at_ + size_bytes, pattern_.size());
  }
  void replace(std::size_t size_bytes, std::string_view by) {
    out_.append(by);
    at_ += size_bytes;
  }

  Result<void> element() {
    const char next = pattern_[at_];
    if (next == '\\') return escape(false);
    if (next == '[') return character_class();
    if (next == '(') return group();
    if (next == '{') return interval();
    copy(1);
    return {};
  }

  Result<void> group() {
    if (starts("(?#")) return refuse("a comment");
    if (starts("(*")) return refuse("'(*'");
    // Options mean other things in Ruby: m is "dot matches all", and there is no s.
    if (starts("(?") && !starts("(?:") && !starts("(?=") && !starts("(?!") && !starts("(?<") &&
        !starts("(?>") && !starts("(?i:") && !starts("(?i)") && !starts("(?-i:"))
      return refuse(fmt::format("'{}'", pattern_.substr(at_, 4)));
    // There it reaches over the alternatives that follow: a(?i)b|c is a(?i:b|c).
    if (starts("(?i)") && at_ != 0) return refuse("'(?i)' after the start");
    copy(1);
    return {};
  }

  /// {n}, {n,}, {n,m} and {,m}; other braces are literal in both dialects.
  Result<void> interval() {
    std::size_t end = at_ + 1;
    while (end < pattern_.size() && (pattern_[end] == ',' || (pattern_[end] >= '0' && pattern_[end] <= '9')))
      ++end;
    const bool is_interval = end < pattern_.size() && pattern_[end] == '}' && end > at_ + 1;
    if (!is_interval) {
      replace(1, R"(\{)");
      return {};
    }
    const std::string_view inside = pattern_.substr(at_ + 1, end - at_ - 1);
    if (inside.starts_with(',')) {
      if (inside.size() == 1) return refuse("'{,}'");
      replace(1, "{0");
    }
    copy(end + 1 - at_);
    // Possessive in PCRE2 and "once more" in Ruby; reluctant in PCRE2 and "or none" after {n} in Ruby.
    if (starts("+")) return refuse("'}+'");
    if (starts("?") && inside.find(',') == std::string_view::npos) return refuse("'}?'");
    return {};
  }

  Result<void> escape(bool in_class) {
    if (at_ + 1 >= pattern_.size()) return refuse("a '\\' at the end");
    const char letter = pattern_[at_ + 1];
    const auto as_class = [in_class](std::string_view contents, bool negated) {
      return in_class ? std::string(contents) : fmt::format("[{}{}]", negated ? "^" : "", contents);
    };
    switch (letter) {
      case 's':
        replace(2, kSpace);
        return {};
      case 'S':
        replace(2, kNoSpace);
        return {};
      case 'w':
        replace(2, as_class(in_class ? kWord : kLoneWord, false));
        return {};
      case 'h':
        replace(2, as_class(kHexDigit, false));
        return {};
      case 'W':
      case 'H':
        if (in_class) return refuse(fmt::format("'\\{}' inside a class", letter));
        replace(2, as_class(letter == 'W' ? kLoneWord : kHexDigit, true));
        return {};
      case 'v':
        replace(2, R"(\x0b)");
        return {};
      case 'b':
        replace(2,
                in_class ? R"(\x08)" : fmt::format("(?:(?<=[{0}])(?![{0}])|(?<![{0}])(?=[{0}]))", kLoneWord));
        return {};
      case 'B':
        if (in_class) return refuse("'\\B' inside a class");
        replace(2, fmt::format("(?:(?<=[{0}])(?=[{0}])|(?<![{0}])(?![{0}]))", kLoneWord));
        return {};
      case 'u':
        return code_point();
      case 'x':
        return hexadecimal();
      case 'p':
      case 'P':
        return property();
      case 'd':
      case 'D':
      case 'A':
      case 'z':
      case 'Z':
      case 'G':
      case 't':
      case 'n':
      case 'r':
      case 'f':
      case 'a':
      case 'e':
        copy(2);
        return {};
      default:
        break;
    }
    const auto byte = static_cast<unsigned char>(letter);
    if (byte < 0x80 && ((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                        (letter >= '0' && letter <= '9')))
      return refuse(fmt::format("'\\{}'", letter));
    copy(1 + sequence_length(letter));
    return {};
  }

  static bool is_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  }

  /// \uHHHH.
  Result<void> code_point() {
    for (std::size_t i = 2; i < 6; ++i)
      if (at_ + i >= pattern_.size() || !is_hex(pattern_[at_ + i]))
        return refuse("a '\\u' without four digits");
    replace(6, fmt::format(R"(\x{{{}}})", pattern_.substr(at_ + 2, 4)));
    return {};
  }

  /// \xHH below 0x80 and \x{H…}; other \xHH are single bytes to Oniguruma.
  Result<void> hexadecimal() {
    if (starts("\\x{")) {
      const std::size_t end = pattern_.find('}', at_);
      if (end == std::string_view::npos) return refuse("a '\\x{' without '}'");
      for (std::size_t i = at_ + 3; i < end; ++i)
        if (!is_hex(pattern_[i])) return refuse("a '\\x{' with other than digits");
      copy(end + 1 - at_);
      return {};
    }
    if (at_ + 3 >= pattern_.size() || pattern_[at_ + 2] < '0' || pattern_[at_ + 2] > '7' ||
        !is_hex(pattern_[at_ + 3]))
      return refuse("a '\\x' that is no ASCII character");
    copy(4);
    return {};
  }

  /// \p{Name}, \p{^Name}. Names that both know are general categories and scripts.
  Result<void> property() {
    const std::size_t end = pattern_.find('}', at_);
    if (at_ + 2 >= pattern_.size() || pattern_[at_ + 2] != '{' || end == std::string_view::npos)
      return refuse("a '\\p' without braces");
    const std::string_view name = pattern_.substr(at_ + 3, end - at_ - 3);
    const std::string_view bare = name.starts_with('^') ? name.substr(1) : name;
    if (bare.size() < 1 || bare.size() > 2) {
      static constexpr std::string_view kScripts[] = {
          "Han",    "Hiragana", "Katakana", "Hangul",     "Latin",       "Greek",     "Cyrillic", "Arabic",
          "Hebrew", "Thai",     "Lao",      "Devanagari", "Tamil",       "Telugu",    "Bengali",  "Armenian",
          "Khmer",  "Myanmar",  "Georgian", "Ethiopic",   "White_Space", "Alphabetic"};
      if (std::find(std::begin(kScripts), std::end(kScripts), bare) == std::end(kScripts))
        return refuse(fmt::format("the property '{}'", name));
    }
    copy(end + 1 - at_);
    return {};
  }

  /// [...]. A class inside a class is a union in Ruby and literal in PCRE2: its contents are spelled out.
  Result<void> character_class() {
    if (++depth_ > kMaxDepth) return refuse("too deep nesting");
    const bool outermost = depth_ == 1;
    const bool negated = starts("[^");
    if (!outermost && negated) return refuse("a negated class inside a class");
    if (starts("[:")) return refuse("a POSIX class");
    if (outermost) {
      copy(negated ? 2 : 1);
    } else {
      at_ += 1;
    }
    bool first = true;
    for (; at_ < pattern_.size(); first = false) {
      const char next = pattern_[at_];
      if (next == ']' && !first) {
        at_ += 1;
        if (outermost) out_.push_back(']');
        --depth_;
        return {};
      }
      if (next == '[') {
        EPICRISIS_RETURN_IF_ERROR(character_class());
      } else if (next == '\\') {
        EPICRISIS_RETURN_IF_ERROR(escape(true));
      } else if (starts("&&")) {
        return refuse("'&&'");
      } else if (next == ']') {
        replace(1, R"(\])");
      } else {
        copy(sequence_length(next));
      }
    }
    return refuse("a class without ']'");
  }

  std::string_view pattern_;
  std::string_view where_;
  std::size_t at_ = 0;
  std::string out_;
  int depth_ = 0;
};

}  // namespace

Result<std::string> detail::translate_regex(std::string_view pattern, std::string_view where) {
  return Translator(pattern, where).run();
}

}  // namespace epicrisis
