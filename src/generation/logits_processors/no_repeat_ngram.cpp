#include "generation/logits_processors/no_repeat_ngram.hpp"

#include <algorithm>

namespace epicrisis {
namespace {

/// Forbids what follows, anywhere in `text`, the last size - 1 tokens of `ids`.
void forbid_completions(std::span<const TokenId> text, std::span<const TokenId> ids, std::size_t size,
                        std::span<float> scores) {
  if (ids.size() + 1 < size) return;
  const std::span<const TokenId> prefix = ids.last(size - 1);
  for (std::size_t begin = 0; begin + size <= text.size(); ++begin) {
    if (std::equal(prefix.begin(), prefix.end(), text.begin() + static_cast<std::ptrdiff_t>(begin))) {
      forbid(text[begin + size - 1], scores);
    }
  }
}

}  // namespace

void NoRepeatNgram::apply(std::span<const TokenId> ids, std::span<float> scores) const {
  forbid_completions(ids, ids, size_, scores);
}

void EncoderNoRepeatNgram::apply(std::span<const TokenId> ids, std::span<float> scores) const {
  forbid_completions(source_, ids, size_, scores);
}

}  // namespace epicrisis
