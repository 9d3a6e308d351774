#include "text/tokenizers/byte_level.hpp"

#include <array>
#include <cstdint>
#include <utility>

#include "text/tokenizers/component.hpp"
#include "text/tokenizers/gpt2_words.hpp"
#include "text/unicode/utf8.hpp"

namespace epicrisis {
namespace {

constexpr bool stands_for_itself(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xFF && byte != 0xAD);
}

/// The alphabet and, for each byte, its character in UTF-8 (one or two bytes).
struct Alphabet {
  std::array<std::uint16_t, 256> characters{};
  std::array<std::array<char, 2>, 256> utf8{};
  std::array<std::uint8_t, 256> sizes{};
  std::array<std::int16_t, 512> bytes{};  ///< By character; -1 for those outside the alphabet.

  constexpr Alphabet() {
    bytes.fill(-1);
    std::uint16_t next = 0x100;
    for (unsigned byte = 0; byte < 256; ++byte) {
      const std::uint16_t character = stands_for_itself(byte) ? static_cast<std::uint16_t>(byte) : next++;
      characters[byte] = character;
      bytes[character] = static_cast<std::int16_t>(byte);
      if (character < 0x80) {
        utf8[byte] = {static_cast<char>(character), 0};
        sizes[byte] = 1;
      } else {
        utf8[byte] = {static_cast<char>(0xC0 | (character >> 6)),
                      static_cast<char>(0x80 | (character & 0x3F))};
        sizes[byte] = 2;
      }
    }
  }
};
constexpr Alphabet kAlphabet;

/// Appends bytes [begin, end) of `from` in the alphabet. All characters of one code point share its
/// alignment.
void append_rewritten(const AlignedText& from, std::size_t begin, std::size_t end, AlignedText& to) {
  for (std::size_t i = begin; i < end; ++i) {
    const auto byte = static_cast<unsigned char>(from.text[i]);
    to.text.append(kAlphabet.utf8[byte].data(), kAlphabet.sizes[byte]);
    to.alignment.insert(to.alignment.end(), kAlphabet.sizes[byte], from.alignment[i]);
  }
}

/// Puts a space before each piece that has none; it stands for the character after it.
PieceList with_prefix_spaces(const PieceList& list) {
  PieceList out;
  out.aligned.reserve(list.aligned.text.size() + list.pieces.size());
  for (const Piece& piece : list.pieces) {
    const auto begin = static_cast<std::uint32_t>(out.aligned.text.size());
    if (!piece.added_token && list.aligned.text[piece.begin] != ' ')
      out.aligned.append(" ", list.aligned.alignment[piece.begin]);
    out.aligned.append(list.aligned, piece.begin, piece.end);
    out.pieces.push_back({begin, static_cast<std::uint32_t>(out.aligned.text.size()), piece.added_token});
  }
  return out;
}

}  // namespace

char32_t byte_level_character(unsigned char byte) noexcept { return kAlphabet.characters[byte]; }

std::optional<unsigned char> byte_level_byte(char32_t character) noexcept {
  if (character >= kAlphabet.bytes.size() || kAlphabet.bytes[character] < 0) return std::nullopt;
  return static_cast<unsigned char>(kAlphabet.bytes[character]);
}

Result<ByteLevelPreTokenizer> ByteLevelPreTokenizer::read(const Json& component, std::string_view where) {
  EPICRISIS_ASSIGN_OR_RETURN(const bool add_prefix_space,
                             detail::flag_member(component, "add_prefix_space", true, where));
  EPICRISIS_ASSIGN_OR_RETURN(const bool use_regex, detail::flag_member(component, "use_regex", true, where));
  return ByteLevelPreTokenizer(add_prefix_space, use_regex);
}

void ByteLevelPreTokenizer::pre_tokenize(PieceList& list) const {
  if (add_prefix_space_) list = with_prefix_spaces(list);
  PieceList out;
  out.aligned.reserve(list.aligned.text.size() * 5 / 4);  // every fifth byte is a space, which takes two
  out.pieces.reserve(list.aligned.text.size() / 4);
  const auto append = [&](std::uint32_t begin, std::uint32_t end) {
    const auto start = static_cast<std::uint32_t>(out.aligned.text.size());
    append_rewritten(list.aligned, begin, end, out.aligned);
    out.pieces.push_back({start, static_cast<std::uint32_t>(out.aligned.text.size()), std::nullopt});
  };
  for (const Piece& piece : list.pieces) {
    if (piece.added_token) {
      const auto start = static_cast<std::uint32_t>(out.aligned.text.size());
      out.aligned.append(list.aligned, piece.begin, piece.end);
      out.pieces.push_back({start, static_cast<std::uint32_t>(out.aligned.text.size()), piece.added_token});
    } else if (use_regex_) {
      const std::string_view text = list.view(piece);
      for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = gpt2_word_end(text, begin);
        append(piece.begin + static_cast<std::uint32_t>(begin),
               piece.begin + static_cast<std::uint32_t>(end));
        begin = end;
      }
    } else {
      append(piece.begin, piece.end);
    }
  }
  list = std::move(out);
}

void ByteLevelNormalizer::normalize(AlignedText& text) const {
  AlignedText out;
  out.reserve(text.text.size() * 5 / 4);
  append_rewritten(text, 0, text.text.size(), out);
  text = std::move(out);
}

void ByteLevelDecoder::decode(std::vector<std::string>& tokens) const {
  std::string bytes;
  for (const std::string& token : tokens) {
    const std::size_t before = bytes.size();
    for (std::size_t i = 0; i < token.size();) {
      const CodePoint next = decode_code_point(token, i);
      const auto byte = byte_level_byte(next.value);
      if (!byte) {
        bytes.resize(before);
        bytes.append(token);
        break;
      }
      bytes.push_back(static_cast<char>(*byte));
      i += next.size_bytes;
    }
  }
  tokens.assign(1, is_valid_utf8(bytes) ? std::move(bytes) : to_valid_utf8(bytes));
}

}  // namespace epicrisis
