#include "generation/generation_request.hpp"

#include <fmt/format.h>

#include <optional>
#include <string_view>
#include <utility>

#include "generation/stopping.hpp"

namespace epicrisis {
namespace {

/// The tokens that a setting puts into a sequence must exist.
Result<void> check_token_ids(const GenerationConfig& config, int vocab_size, bool is_encoder_decoder) {
  const auto check = [&](std::string_view name, std::optional<TokenId> token) -> Result<void> {
    if (!token || (*token >= 0 && *token < vocab_size)) return {};
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("'{}' is {}, but this model knows the tokens 0 to {}.", name, *token, vocab_size - 1),
        ""};
  };
  if (is_encoder_decoder) {
    EPICRISIS_RETURN_IF_ERROR(check("decoder_start_token_id", config.decoder_start_token_id));
  }
  EPICRISIS_RETURN_IF_ERROR(check("forced_bos_token_id", config.forced_bos_token_id));
  for (const TokenId token : config.forced_eos_token_ids) {
    EPICRISIS_RETURN_IF_ERROR(check("forced_eos_token_id", token));
  }
  return {};
}

/// Tokens that a hypothesis begins with.
std::size_t prompt_length(const Backend& backend, std::span<const TokenId> source) {
  return backend.is_encoder_decoder() ? 1 : source.size();
}

Result<LengthLimits> limits_of(const Backend& backend, std::span<const TokenId> source,
                               const GenerationConfig& config) {
  return length_limits(config, static_cast<int>(prompt_length(backend, source)), backend.max_target_tokens());
}

}  // namespace

Result<void> check_request(const Backend& backend, std::span<const std::vector<TokenId>> sources,
                           const GenerationConfig& config) {
  EPICRISIS_RETURN_IF_ERROR(config.validate());
  EPICRISIS_RETURN_IF_ERROR(check_token_ids(config, backend.vocab_size(), backend.is_encoder_decoder()));
  if (config.encoder_no_repeat_ngram_size > 0 && !backend.is_encoder_decoder()) {
    return Error{ErrorCode::kInvalidArgument,
                 "encoder_no_repeat_ngram_size needs a model with an encoder; this one has none.", ""};
  }
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (sources[i].empty()) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("Source {} has no tokens.", i), ""};
    }
    if (const auto limits = limits_of(backend, sources[i], config); !limits) return limits.error();
  }
  return {};
}

Result<std::unique_ptr<Search>> make_search(const Backend& backend, std::span<const TokenId> source,
                                            const GenerationConfig& config) {
  EPICRISIS_ASSIGN_OR_RETURN(const LengthLimits limits, limits_of(backend, source, config));
  std::vector<TokenId> prompt(source.begin(), source.end());
  if (backend.is_encoder_decoder()) prompt = {config.decoder_start_token_id};
  SearchInput input{config, source, std::move(prompt), limits, backend.vocab_size(), backend.scores_drafts()};
  if (config.num_beams == 1) {
    return config.do_sample ? make_sampling(std::move(input)) : make_greedy_search(std::move(input));
  }
  return config.do_sample ? make_beam_sampling(std::move(input)) : make_beam_search(std::move(input));
}

int most_rows(const GenerationConfig& config) noexcept {
  // Of a search the sequences that are returned are among the beams.
  return config.num_beams * (config.do_sample ? config.num_return_sequences : 1);
}

std::size_t most_cache_bytes(const Backend& backend, std::span<const TokenId> source,
                             const GenerationConfig& config) {
  const Result<LengthLimits> limits = limits_of(backend, source, config);
  if (!limits) return 0;
  const CacheCosts costs = backend.cache_costs();
  const std::size_t prompt = prompt_length(backend, source);
  // Refused drafts leave their positions at the next step only.
  const auto drafted = static_cast<std::size_t>(config.prompt_lookup_num_tokens.value_or(0));
  const std::size_t written = static_cast<std::size_t>(limits->max) - prompt + drafted;
  // Rows share their prompt.
  const std::size_t positions = prompt + static_cast<std::size_t>(most_rows(config)) * written;
  return source.size() * costs.bytes_per_source_token + positions * costs.bytes_per_position;
}

}  // namespace epicrisis
