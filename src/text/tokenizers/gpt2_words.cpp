#include "text/tokenizers/gpt2_words.hpp"

#include <array>

#include "text/unicode/properties.hpp"
#include "text/unicode/utf8.hpp"

namespace epicrisis {
namespace {

enum class Kind : std::uint8_t { kLetter, kNumber, kSpace, kOther };

constexpr std::array<Kind, 128> make_ascii_kinds() {
  std::array<Kind, 128> kinds{};
  for (std::size_t c = 0; c < kinds.size(); ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool number = c >= '0' && c <= '9';
    const bool space = c == ' ' || (c >= '\t' && c <= '\r');
    kinds[c] = letter ? Kind::kLetter : number ? Kind::kNumber : space ? Kind::kSpace : Kind::kOther;
  }
  return kinds;
}
constexpr std::array<Kind, 128> kAsciiKinds = make_ascii_kinds();

struct Character {
  Kind kind;
  std::size_t size_bytes;
};

Character character_at(std::string_view text, std::size_t position) {
  const auto byte = static_cast<unsigned char>(text[position]);
  if (byte < 0x80) return {kAsciiKinds[byte], 1};
  const CodePoint next = decode_code_point(text, position);
  const Kind kind = is_letter(next.value)        ? Kind::kLetter
                    : is_number(next.value)      ? Kind::kNumber
                    : is_white_space(next.value) ? Kind::kSpace
                                                 : Kind::kOther;
  return {kind, next.size_bytes};
}

/// Length of 's, 't, 're, 've, 'm, 'll or 'd at the apostrophe at `position`, or 0.
std::size_t contraction(std::string_view text, std::size_t position) {
  const std::string_view rest = text.substr(position + 1, 2);
  if (rest.empty()) return 0;
  if (rest == "re" || rest == "ve" || rest == "ll") return 3;
  const char letter = rest.front();
  return letter == 's' || letter == 't' || letter == 'm' || letter == 'd' ? 2 : 0;
}

/// \s+(?!\S)|\s+: all white space up to the end of the text; else all but the last, which goes with the next
/// word.
std::size_t spaces_end(std::string_view text, std::size_t begin) {
  std::size_t end = begin;
  std::size_t last = begin;
  while (end < text.size()) {
    const Character next = character_at(text, end);
    if (next.kind != Kind::kSpace) return last > begin ? last : end;
    last = end;
    end += next.size_bytes;
  }
  return end;
}

}  // namespace

std::size_t gpt2_word_end(std::string_view text, std::size_t begin) {
  std::size_t end = begin;
  Character first = character_at(text, begin);
  if (text[begin] == '\'') {
    if (const std::size_t length = contraction(text, begin); length > 0) return begin + length;
  } else if (text[begin] == ' ' && begin + 1 < text.size()) {
    const Character second = character_at(text, begin + 1);
    if (second.kind != Kind::kSpace) {
      first = second;
      end = begin + 1;
    }
  }
  if (first.kind == Kind::kSpace) return spaces_end(text, begin);
  end += first.size_bytes;
  while (end < text.size()) {
    const Character next = character_at(text, end);
    if (next.kind != first.kind) break;
    end += next.size_bytes;
  }
  return end;
}

}  // namespace epicrisis
