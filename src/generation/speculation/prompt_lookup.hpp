#pragma once

#include <span>
#include <vector>

#include "base/token_id.hpp"

namespace epicrisis {

/// Tokens that may come next.
struct Draft {
  std::vector<TokenId> tokens;
  int context = 0;  ///< How many of the last tokens stand before them where they were found; 0: none found.
};

/// Drafts by looking up: what follows the last few tokens where they occurred before, in the source or in
/// what was written. Summaries copy, so it is often what comes next. Saxena 2023, "Prompt Lookup Decoding".
class PromptLookup {
 public:
  /// `source` outlives this. A draft has up to `max_tokens`; up to `max_ngram` last tokens are compared.
  PromptLookup(std::span<const TokenId> source, int max_tokens, int max_ngram)
      : source_(source), max_tokens_(max_tokens), max_ngram_(max_ngram) {}

  /// Replaces `draft` by what followed the longest n-gram that ends `ids`; of equal ones the first of the
  /// source, then of `ids`. Time: linear in both.
  void propose(std::span<const TokenId> ids, Draft& draft) const;

 private:
  void search(std::span<const TokenId> text, std::span<const TokenId> ids, Draft& draft) const;

  std::span<const TokenId> source_;
  int max_tokens_;
  int max_ngram_;
};

}  // namespace epicrisis
