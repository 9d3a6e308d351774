#include "generation/generate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>

#include "generation/generate_streaming.hpp"
#include "generation/search.hpp"

namespace epicrisis {
namespace {

/// Most rows that the search of one source takes.
int rows_of_a_source(const GenerationConfig& config) {
  // Of a search the sequences that are returned are among the beams.
  return config.num_beams * (config.do_sample ? config.num_return_sequences : 1);
}

Error cancelled() { return {ErrorCode::kCancelled, "Generation was cancelled.", ""}; }

/// Runs the searches of all sources through one session, as many at once as the backend likes.
class Generation {
 public:
  Generation(const Backend& backend, std::span<const std::vector<TokenId>> sources,
             const GenerationConfig& config, std::stop_token stop, SettledTokens settled = {})
      : backend_(backend),
        sources_(sources),
        config_(config),
        stop_(std::move(stop)),
        settled_(std::move(settled)) {}

  Result<std::vector<std::vector<Hypothesis>>> run() {
    results_.resize(sources_.size());
    EPICRISIS_ASSIGN_OR_RETURN(session_, backend_.start_session());
    while (next_source_ < sources_.size() || !live_.empty()) {
      if (stop_.stop_requested()) return cancelled();
      EPICRISIS_RETURN_IF_ERROR(admit());
      EPICRISIS_RETURN_IF_ERROR(step());
    }
    return std::move(results_);
  }

 private:
  struct Live {
    SourceId id = 0;
    std::size_t index = 0;  ///< In sources_.
    std::unique_ptr<Search> search;
    int first_row = 0;  ///< Of this source in the previous step.
  };

  /// Adds waiting sources while their rows fit beside those of the live ones.
  Result<void> admit() {
    const int rows_each = rows_of_a_source(config_);
    const auto fit = static_cast<std::size_t>(std::max(1, backend_.preferred_rows() / rows_each));
    if (live_.size() >= fit || next_source_ == sources_.size()) return {};
    const std::size_t count = std::min(fit - live_.size(), sources_.size() - next_source_);
    const auto added = sources_.subspan(next_source_, count);
    EPICRISIS_ASSIGN_OR_RETURN(const std::vector<SourceId> ids, session_->add(added));
    for (std::size_t i = 0; i < count; ++i) {
      EPICRISIS_ASSIGN_OR_RETURN(auto search, make_search(added[i]));
      live_.push_back({ids[i], next_source_++, std::move(search), 0});
    }
    return {};
  }

  Result<std::unique_ptr<Search>> make_search(const std::vector<TokenId>& source) const {
    std::vector<TokenId> prompt =
        backend_.is_encoder_decoder() ? std::vector<TokenId>{config_.decoder_start_token_id} : source;
    EPICRISIS_ASSIGN_OR_RETURN(
        const LengthLimits limits,
        length_limits(config_, static_cast<int>(prompt.size()), backend_.max_target_tokens()));
    SearchInput input{config_, source, std::move(prompt), limits, backend_.vocab_size()};
    if (config_.num_beams == 1) {
      return config_.do_sample ? make_sampling(std::move(input)) : make_greedy_search(std::move(input));
    }
    return config_.do_sample ? make_beam_sampling(std::move(input)) : make_beam_search(std::move(input));
  }

  /// One step of the backend over the rows of all live sources, then one of each search.
  Result<void> step() {
    rows_.clear();
    for (Live& live : live_) {
      const int previous_first_row = live.first_row;
      live.first_row = static_cast<int>(rows_.size());
      for (const SearchRow& row : live.search->rows()) {
        rows_.push_back({live.id, row.parent < 0 ? -1 : previous_first_row + row.parent, row.tokens});
      }
    }
    const auto vocab_size = static_cast<std::size_t>(backend_.vocab_size());
    logits_.resize(rows_.size() * vocab_size);
    EPICRISIS_RETURN_IF_ERROR(session_->step(rows_, logits_));
    for (Live& live : live_) {
      const std::span<float> logits = std::span<float>(logits_).subspan(
          static_cast<std::size_t>(live.first_row) * vocab_size, live.search->rows().size() * vocab_size);
      EPICRISIS_ASSIGN_OR_RETURN(const bool finished, live.search->advance(logits));
      if (!finished && settled_) settled_(live.search->settled());
      if (!finished) continue;
      results_[live.index] = live.search->take_results();
      session_->remove(live.id);
      live.search.reset();
    }
    std::erase_if(live_, [](const Live& live) { return live.search == nullptr; });
    return {};
  }

  const Backend& backend_;
  std::span<const std::vector<TokenId>> sources_;
  const GenerationConfig& config_;
  std::stop_token stop_;
  SettledTokens settled_;  ///< Only with a single source.
  std::unique_ptr<DecodeSession> session_;
  std::size_t next_source_ = 0;
  std::vector<Live> live_;
  std::vector<HypothesisStep> rows_;
  std::vector<float> logits_;  ///< [rows, V]
  std::vector<std::vector<Hypothesis>> results_;
};

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

/// What can be known to be wrong before any work is done.
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
    const int prompt = backend.is_encoder_decoder() ? 1 : static_cast<int>(sources[i].size());
    const auto limits = length_limits(config, prompt, backend.max_target_tokens());
    if (!limits) return limits.error();
  }
  return {};
}

}  // namespace

Error broken_logits() {
  return {ErrorCode::kCorrupt, "The model computes values that are not numbers: its weights are damaged.",
          ""};
}

Result<std::vector<std::vector<Hypothesis>>> generate(const Backend& backend,
                                                      std::span<const std::vector<TokenId>> sources,
                                                      const GenerationConfig& config, std::stop_token stop) {
  EPICRISIS_RETURN_IF_ERROR(check_request(backend, sources, config));
  return Generation(backend, sources, config, std::move(stop)).run();
}

Result<std::vector<Hypothesis>> generate_streaming(const Backend& backend, const std::vector<TokenId>& source,
                                                   const GenerationConfig& config,
                                                   const SettledTokens& settled, std::stop_token stop) {
  const std::span<const std::vector<TokenId>> sources(&source, 1);
  EPICRISIS_RETURN_IF_ERROR(check_request(backend, sources, config));
  EPICRISIS_ASSIGN_OR_RETURN(auto results,
                             Generation(backend, sources, config, std::move(stop), settled).run());
  return std::move(results.front());
}

}  // namespace epicrisis
