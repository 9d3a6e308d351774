#pragma once

#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "text/tokenizers/double_array_trie.hpp"
#include "text/tokenizers/vocabulary_model.hpp"

namespace epicrisis {

/// BERT's WordPiece (Wu et al. 2016): the longest entry that a word starts with, then the longest that
/// continues it, and so on; a word that cannot be covered is one unknown token.
class WordPieceModel final : public VocabularyModel {
 public:
  /// Errors: kCorrupt.
  static Result<WordPieceModel> read(const Json& component, std::string_view where);

  void tokenize(const PieceList& list, std::vector<Token>& tokens) const override;

 private:
  WordPieceModel() = default;
  bool cover(std::string_view word, std::uint32_t begin, std::vector<Token>& tokens) const;

  DoubleArrayTrie first_;       ///< All entries.
  DoubleArrayTrie continuing_;  ///< Those with the prefix of continuing subwords, without it.
  TokenId unk_id_ = 0;
  std::size_t max_characters_ = 100;  ///< Longer words are unknown.
};

/// Every word is one token or unknown.
class WordLevelModel final : public VocabularyModel {
 public:
  /// Errors: kCorrupt.
  static Result<WordLevelModel> read(const Json& component, std::string_view where);

  void tokenize(const PieceList& list, std::vector<Token>& tokens) const override;

 private:
  WordLevelModel() = default;

  TokenId unk_id_ = 0;
};

}  // namespace epicrisis
