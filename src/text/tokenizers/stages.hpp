#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/token_id.hpp"
#include "text/offsets.hpp"

// The stages of a tokenizer, as the Hugging Face `tokenizers` library names them. A component of
// tokenizer.json is one class that implements one of these interfaces. All are immutable after loading, so
// any number of threads may use one.
namespace epicrisis {

/// Text on its way through the stages, and where each byte of it comes from. Valid UTF-8 throughout.
///
/// alignment[i] is the part of the original text (code points) that byte i of `text` stands for; all bytes of
/// one code point share it. Inserted characters share the alignment of a neighbour, as the reference has it.
struct AlignedText {
  std::string text;
  std::vector<Offsets> alignment;

  void clear() {
    text.clear();
    alignment.clear();
  }
  void reserve(std::size_t size_bytes) {
    text.reserve(size_bytes);
    alignment.reserve(size_bytes);
  }
  void append(std::string_view piece, Offsets origin) {
    text.append(piece);
    alignment.insert(alignment.end(), piece.size(), origin);
  }
  /// Bytes [begin, end) of `other` with their alignment.
  void append(const AlignedText& other, std::size_t begin, std::size_t end) {
    text.append(other.text, begin, end - begin);
    alignment.insert(alignment.end(), other.alignment.begin() + static_cast<std::ptrdiff_t>(begin),
                     other.alignment.begin() + static_cast<std::ptrdiff_t>(end));
  }
};

/// Bytes [begin, end) of a PieceList's text, never empty. An added token is a piece that no later stage
/// touches.
struct Piece {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  std::optional<TokenId> added_token;
};

/// The pieces that a text is cut into, in order. Bytes between two pieces (white space) are dropped.
struct PieceList {
  AlignedText aligned;
  std::vector<Piece> pieces;

  std::string_view view(const Piece& piece) const {
    return std::string_view(aligned.text).substr(piece.begin, piece.end - piece.begin);
  }
};

/// One token: bytes [begin, end) of the PieceList's text.
struct Token {
  TokenId id = 0;
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};

class Normalizer {
 public:
  virtual ~Normalizer() = default;
  /// Rewrites `text`, keeping its alignment to the original.
  virtual void normalize(AlignedText& text) const = 0;
};

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  /// Cuts, and may rewrite, the pieces that are no added tokens.
  virtual void pre_tokenize(PieceList& list) const = 0;
};

class Model {
 public:
  virtual ~Model() = default;
  /// Appends the tokens of every piece, in order; an added token is one token.
  virtual void tokenize(const PieceList& list, std::vector<Token>& tokens) const = 0;
  virtual std::optional<TokenId> token_to_id(std::string_view token) const = 0;
  /// Empty outside [0, vocab_size()).
  virtual std::string_view id_to_token(TokenId id) const = 0;
  virtual std::size_t vocab_size() const = 0;
};

/// White space, or the byte alphabet's space, that a token's text starts and ends with, in characters.
struct OuterSpaces {
  std::uint32_t leading = 0;
  std::uint32_t trailing = 0;
};

/// The tokens of a text on their way through post-processing; one entry a token in each vector.
struct ProcessedText {
  std::vector<TokenId> ids;
  std::vector<Offsets> offsets;
  std::vector<OuterSpaces> spaces;  ///< Empty unless the post-processor needs_spaces().

  void append(const ProcessedText& other);
  /// A special token: it stands for no text.
  void append(TokenId id);
};

class PostProcessor {
 public:
  virtual ~PostProcessor() = default;
  /// Special tokens that process() adds around one text, or around two.
  virtual std::size_t added_tokens(bool pair) const = 0;
  virtual bool needs_spaces() const { return false; }
  /// Rewrites the parts of an encoding, one or two texts at first, which are joined in the end.
  virtual void process(std::vector<ProcessedText>& parts, bool add_special_tokens) const = 0;
};

class Decoder {
 public:
  virtual ~Decoder() = default;
  /// Rewrites tokens into parts of text, which are joined without a space.
  virtual void decode(std::vector<std::string>& tokens) const = 0;
};

}  // namespace epicrisis
