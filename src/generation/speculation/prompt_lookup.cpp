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
  search(source_, settings_.no_repeat_source_ngram, ids, draft);
  search(ids, settings_.no_repeat_ngram, ids, draft);
}

/// Replaces `draft` where `text` has a longer context.
void PromptLookup::search(std::span<const TokenId> text, int no_repeat_ngram, std::span<const TokenId> ids,
                          Draft& draft) const {
  const int compared = std::max(settings_.max_ngram, no_repeat_ngram - 1);
  std::size_t best = 0;
  for (std::size_t end = 1; end < text.size() && draft.context < settings_.max_ngram; ++end) {
    const int common = common_end(text, end, ids, compared);
    if (common <= draft.context || (no_repeat_ngram > 0 && common >= no_repeat_ngram - 1)) continue;
    draft.context = std::min(common, settings_.max_ngram);
    best = end;
  }
  if (best == 0) return;
  const std::size_t count = std::min(text.size() - best, static_cast<std::size_t>(settings_.max_tokens));
  draft.tokens.assign(text.begin() + static_cast<std::ptrdiff_t>(best),
                      text.begin() + static_cast<std::ptrdiff_t>(best + count));
}

}  // namespace epicrisis
