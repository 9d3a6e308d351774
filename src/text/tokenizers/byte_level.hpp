#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "text/tokenizers/stages.hpp"

namespace epicrisis {

// GPT-2's byte alphabet: each of the 256 bytes as one printable character, so that a vocabulary of texts
// covers any bytes. Printable Latin-1 stands for itself; the others, in order, are U+0100 onwards (a space is
// U+0120).

/// The character for `byte`.
char32_t byte_level_character(unsigned char byte) noexcept;
/// The byte that `character` stands for, if any.
std::optional<unsigned char> byte_level_byte(char32_t character) noexcept;

/// Rewrites bytes into the alphabet, after GPT-2's split if asked for.
class ByteLevelPreTokenizer final : public PreTokenizer {
 public:
  ByteLevelPreTokenizer(bool add_prefix_space, bool use_regex)
      : add_prefix_space_(add_prefix_space), use_regex_(use_regex) {}
  static Result<ByteLevelPreTokenizer> read(const Json& component, std::string_view where);
  void pre_tokenize(PieceList& list) const override;

 private:
  bool add_prefix_space_;  ///< Before a piece that does not start with one.
  bool use_regex_;
};

/// The rewriting alone.
class ByteLevelNormalizer final : public Normalizer {
 public:
  void normalize(AlignedText& text) const override;
};

/// Joins all tokens and turns the alphabet back into bytes; bytes that are no UTF-8 become U+FFFD. A token
/// with any other character stands for itself.
class ByteLevelDecoder final : public Decoder {
 public:
  void decode(std::vector<std::string>& tokens) const override;
};

}  // namespace epicrisis
