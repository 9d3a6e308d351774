#include <limits>

#include "generation/logits_processors/bad_words.hpp"
#include "generation/logits_processors/forced_token.hpp"
#include "generation/logits_processors/logits_processor.hpp"
#include "generation/logits_processors/minimum_length.hpp"
#include "generation/logits_processors/no_repeat_ngram.hpp"
#include "generation/logits_processors/renormalize.hpp"
#include "generation/logits_processors/repetition_penalty.hpp"
#include "generation/logits_processors/suppress_tokens.hpp"

namespace epicrisis {

void forbid(TokenId token, std::span<float> scores) noexcept {
  if (token >= 0 && static_cast<std::size_t>(token) < scores.size()) {
    scores[static_cast<std::size_t>(token)] = -std::numeric_limits<float>::infinity();
  }
}

LogitsProcessors make_logits_processors(const GenerationConfig& config, std::span<const TokenId> source,
                                        const LengthLimits& limits) {
  LogitsProcessors processors;
  const auto add = [&]<class Processor>(Processor processor) {
    processors.push_back(std::make_unique<Processor>(std::move(processor)));
  };
  if (config.encoder_repetition_penalty != 1.0) {
    add(EncoderRepetitionPenalty(config.encoder_repetition_penalty, source));
  }
  if (config.repetition_penalty != 1.0) add(RepetitionPenalty(config.repetition_penalty));
  if (config.no_repeat_ngram_size > 0) add(NoRepeatNgram(config.no_repeat_ngram_size));
  if (config.encoder_no_repeat_ngram_size > 0) {
    add(EncoderNoRepeatNgram(config.encoder_no_repeat_ngram_size, source));
  }
  if (!config.bad_words_ids.empty()) add(BadWords(config.bad_words_ids, config.eos_token_ids));
  if (limits.min > 0 && !config.eos_token_ids.empty()) add(MinimumLength(limits.min, config.eos_token_ids));
  // "First" is right behind a lone start token; a decoder-only model's longer prompt has no such place.
  if (config.forced_bos_token_id) add(ForcedTokens({*config.forced_bos_token_id}, 1));
  if (!config.forced_eos_token_ids.empty()) add(ForcedTokens(config.forced_eos_token_ids, limits.max - 1));
  if (!config.suppress_tokens.empty()) add(SuppressTokens(config.suppress_tokens));
  if (!config.begin_suppress_tokens.empty()) {
    const bool after_forced_bos = limits.prompt == 1 && config.forced_bos_token_id.has_value();
    add(SuppressTokens(config.begin_suppress_tokens, limits.prompt + (after_forced_bos ? 1 : 0)));
  }
  if (config.renormalize_logits) add(Renormalize());
  return processors;
}

}  // namespace epicrisis
