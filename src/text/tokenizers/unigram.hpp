#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "text/tokenizers/double_array_trie.hpp"
#include "text/tokenizers/stages.hpp"

namespace epicrisis {

/// Unigram language model (Kudo 2018): the cutting of a piece into vocabulary entries with the largest sum of
/// log probabilities. A character that no entry covers alone counts as unknown, with the smallest score of
/// the vocabulary minus 10; unknown neighbours make one token, or with byte fallback the tokens of their
/// bytes
/// ("<0x0A>"), each of which stands for all of them. Ties go to the path found first, as in the reference.
class UnigramModel final : public Model {
 public:
  /// Errors: kCorrupt; kUnsupported for a model without an unknown token, which cannot take every text.
  static Result<UnigramModel> read(const Json& component, std::string_view where);

  void tokenize(const PieceList& list, std::vector<Token>& tokens) const override;
  std::optional<TokenId> token_to_id(std::string_view token) const override;
  std::string_view id_to_token(TokenId id) const override;
  std::size_t vocab_size() const override { return scores_.size(); }

 private:
  /// The best path that ends at a byte of the piece.
  struct PathEnd {
    double score = 0;
    std::uint32_t start = 0;  ///< Where its last token starts; kUnreached before any path ends here.
    std::uint32_t id = 0;
  };
  static constexpr std::uint32_t kUnreached = 0xFFFFFFFFU;

  UnigramModel() = default;
  Result<void> read_vocabulary(const Json& vocab, std::string_view where);
  bool add_bytes(std::string_view piece, std::uint32_t begin, std::uint32_t start, std::uint32_t end,
                 std::vector<Token>& tokens) const;
  void find_best_path(std::string_view piece, std::vector<PathEnd>& ends) const;
  void trace_back(std::string_view piece, std::uint32_t begin, const std::vector<PathEnd>& ends,
                  std::vector<Token>& tokens) const;

  DoubleArrayTrie trie_;
  std::vector<double> scores_;         ///< By id.
  std::string texts_;                  ///< All entries, one after the other.
  std::vector<std::uint32_t> bounds_;  ///< Entry id is bytes [bounds_[id], bounds_[id + 1]) of texts_.
  std::uint32_t unk_id_ = 0;
  double unk_score_ = 0;
  bool byte_fallback_ = false;
  std::array<std::uint32_t, 256>
      bytes_{};  ///< Ids of "<0x00>" to "<0xFF>"; DoubleArrayTrie::kNoValue for none.
};

}  // namespace epicrisis
