#pragma once

#include <array>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/json.hpp"
#include "text/tokenizers/double_array_trie.hpp"
#include "text/tokenizers/stages.hpp"

namespace epicrisis {

/// One of "added_tokens": a text that is one token wherever it stands.
struct AddedToken {
  TokenId id = 0;
  std::string content;
  bool special = false;  ///< Left out when decoding without special tokens.
  bool normalized =
      false;  ///< Looked for in the normalized text, in its normalized form; else in the raw text.
  bool single_word = false;  ///< Only where no word character touches it.
  bool lstrip = false;       ///< Takes the white space before it.
  bool rstrip = false;       ///< Takes the white space after it.
};

/// The added tokens of a tokenizer, found leftmost first, longest first.
class AddedTokens {
 public:
  /// `list` is "added_tokens"; ids are checked against `model`. `normalizer` may be null. Errors: kCorrupt.
  static Result<AddedTokens> read(const Json& list, const Model& model, const Normalizer* normalizer);

  /// Cuts `text` into the pieces between raw added tokens, normalizes those, cuts them again at normalized
  /// ones.
  PieceList split(std::string_view text, const Normalizer* normalizer) const;

  const AddedToken* find(TokenId id) const;
  const AddedToken* find(std::string_view content) const;
  TokenId largest_id() const noexcept { return largest_id_; }  ///< -1 when there are none.

 private:
  /// Added tokens that are looked for in the same form of the text.
  struct Matcher {
    DoubleArrayTrie trie;  ///< To indexes into tokens_.
    std::array<bool, 256> starts{};
  };
  /// Part of a text: an added token, or what lies between.
  struct Span {
    std::size_t begin;
    std::size_t end;
    const AddedToken* token;
  };

  Result<void> add(AddedToken token, const Model& model, std::string_view where);
  Result<void> build_matchers(const Normalizer* normalizer);
  std::vector<Span> find_spans(const Matcher& matcher, std::string_view text) const;

  std::vector<AddedToken> tokens_;
  std::unordered_map<TokenId, std::size_t> by_id_;
  std::unordered_map<std::string, std::size_t> by_content_;
  Matcher raw_;
  Matcher normalized_;
  TokenId largest_id_ = -1;
};

}  // namespace epicrisis
