#include "generation/speculation/prompt_lookup.hpp"

#include <algorithm>

namespace epicrisis {
namespace {

/// How many tokens before text[end] equal those that end `ids`, at most `most`.
int common_end(std::span<const TokenId> text, std::size_t end, std::span<const TokenId> ids, int most) {
  const std::size_t limit = std::min({end, ids.size(), static_cast<std::size_t>(most)});
  std::size_t count = 0;
  while (count < limit && text[end - 1 - count] == ids[ids.size() - 1 - count]) ++count;
  return static_cast<int>(count);
}

}  // namespace

void PromptLookup::propose(std::span<const TokenId> ids, Draft& draft) const {
  draft.tokens.clear();
  draft.context = 0;
  search(source_, ids, draft);
  search(ids, ids, draft);
}

/// Replaces `draft` where `text` has a longer context.
void PromptLookup::search(std::span<const TokenId> text, std::span<const TokenId> ids, Draft& draft) const {
  std::size_t best = 0;
  for (std::size_t end = 1; end < text.size() && draft.context < max_ngram_; ++end) {
    const int context = common_end(text, end, ids, max_ngram_);
    if (context <= draft.context) continue;
    draft.context = context;
    best = end;
  }
  if (best == 0) return;
  const std::size_t count = std::min(text.size() - best, static_cast<std::size_t>(max_tokens_));
  draft.tokens.assign(text.begin() + static_cast<std::ptrdiff_t>(best),
                      text.begin() + static_cast<std::ptrdiff_t>(best + count));
}

}  // namespace epicrisis
