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

/// What a PromptLookup proposes.
struct LookupSettings {
  int max_tokens = 10;
  int max_ngram = 4;               ///< Most of the last tokens that are compared.
  int no_repeat_ngram = 0;         ///< No sequence of so many tokens comes twice in `ids`; 0: any may.
  int no_repeat_source_ngram = 0;  ///< None of so many comes from the source.
};

/// Drafts by looking up: what follows the last few tokens where they occurred before, in the source or in
/// what was written. Summaries copy, so it is often what comes next. Saxena 2023, "Prompt Lookup Decoding".
class PromptLookup {
 public:
  /// `source` outlives this.
  PromptLookup(std::span<const TokenId> source, LookupSettings settings)
      : source_(source), settings_(settings) {}

  /// Replaces `draft` by what followed the longest n-gram that ends `ids`; of equal ones the first of the
  /// source, then of `ids`. What could not come because it would repeat an n-gram is passed over. Time:
  /// linear in both.
  void propose(std::span<const TokenId> ids, Draft& draft) const;

 private:
  void search(std::span<const TokenId> text, int no_repeat_ngram, std::span<const TokenId> ids,
              Draft& draft) const;

  std::span<const TokenId> source_;
  LookupSettings settings_;
};

}  // namespace epicrisis
