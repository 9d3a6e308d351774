#include "generation/target_score.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "generation/log_softmax.hpp"
#include "generation/search.hpp"

namespace epicrisis {
namespace {

/// Feeds the targets token by token through one session, as many side by side as the backend likes.
class TargetScoring {
 public:
  TargetScoring(const Backend& backend, std::span<const ScoredPair> pairs, std::optional<TokenId> start,
                std::stop_token stop)
      : backend_(backend),
        pairs_(pairs),
        start_(start),
        stop_(std::move(stop)),
        log_probs_(pairs.size()),
        order_(pairs.size()) {
    // Targets of similar length end together, so that no step has but a few rows.
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::stable_sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) {
      return pairs_[a].target.size() > pairs_[b].target.size();
    });
  }

  Result<std::vector<double>> run() {
    EPICRISIS_ASSIGN_OR_RETURN(session_, backend_.start_session());
    while (next_ < order_.size() || !live_.empty()) {
      if (stop_.stop_requested()) return Error{ErrorCode::kCancelled, "Scoring was cancelled.", ""};
      EPICRISIS_RETURN_IF_ERROR(admit());
      EPICRISIS_RETURN_IF_ERROR(step());
    }
    return std::move(log_probs_);
  }

 private:
  struct Live {
    SourceId id = 0;
    std::size_t pair = 0;  ///< In pairs_.
    std::size_t done = 0;  ///< Target tokens that were scored.
    int row = -1;          ///< In the previous step.
  };

  /// Adds waiting pairs beside the live ones up to the rows that the backend prefers.
  Result<void> admit() {
    const auto most = static_cast<std::size_t>(std::max(1, backend_.preferred_rows()));
    std::vector<std::vector<TokenId>> sources;
    const std::size_t first = next_;
    while (live_.size() + sources.size() < most && next_ < order_.size()) {
      sources.push_back(pairs_[order_[next_++]].source);
    }
    if (sources.empty()) return {};
    EPICRISIS_ASSIGN_OR_RETURN(const std::vector<SourceId> ids, session_->add(sources));
    for (std::size_t i = 0; i < ids.size(); ++i) live_.push_back({ids[i], order_[first + i]});
    return {};
  }

  Result<void> step() {
    rows_.clear();
    for (const Live& live : live_) rows_.push_back({live.id, live.row, next_tokens(live)});
    const auto vocab_size = static_cast<std::size_t>(backend_.vocab_size());
    logits_.resize(rows_.size() * vocab_size);
    EPICRISIS_RETURN_IF_ERROR(session_->step(rows_, logits_));
    for (std::size_t row = 0; row < live_.size(); ++row) {
      Live& live = live_[row];
      const std::span<const float> logits = std::span(logits_).subspan(row * vocab_size, vocab_size);
      const std::vector<TokenId>& target = pairs_[live.pair].target;
      const double label = static_cast<double>(logits[static_cast<std::size_t>(target[live.done])]);
      const double log_prob = label - log_sum_exp(logits);
      if (std::isnan(log_prob)) return broken_logits();
      log_probs_[live.pair] += log_prob;
      live.row = static_cast<int>(row);
      if (++live.done == target.size()) session_->remove(live.id);
    }
    std::erase_if(live_, [&](const Live& live) { return live.done == pairs_[live.pair].target.size(); });
    return {};
  }

  /// The tokens before the one to be scored that the model has not seen.
  std::span<const TokenId> next_tokens(const Live& live) const {
    const ScoredPair& pair = pairs_[live.pair];
    if (live.done > 0) return std::span(pair.target).subspan(live.done - 1, 1);
    if (!backend_.is_encoder_decoder()) return pair.source;
    return start_ ? std::span<const TokenId>(&*start_, 1) : std::span(pair.target).last(1);
  }

  const Backend& backend_;
  std::span<const ScoredPair> pairs_;
  const std::optional<TokenId> start_;
  std::stop_token stop_;
  std::vector<double> log_probs_;
  std::vector<std::size_t> order_;  ///< Of pairs_, longest target first.
  std::size_t next_ = 0;            ///< In order_.
  std::unique_ptr<DecodeSession> session_;
  std::vector<Live> live_;
  std::vector<HypothesisStep> rows_;
  std::vector<float> logits_;  ///< [rows, V]
};

Result<void> check(const Backend& backend, std::span<const ScoredPair> pairs) {
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const ScoredPair& pair = pairs[i];
    const auto invalid = [&](std::string problem) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("Pair {}: {}", i, problem), ""};
    };
    if (pair.source.empty()) return invalid("the source has no tokens.");
    if (pair.target.empty()) return invalid("the target has no tokens.");
    // The last token is a label only: the model never reads it.
    const std::size_t length =
        pair.target.size() + (backend.is_encoder_decoder() ? 0 : pair.source.size() - 1);
    if (length > static_cast<std::size_t>(backend.max_target_tokens())) {
      return invalid(
          fmt::format("{} tokens pass the {} positions of this model.", length, backend.max_target_tokens()));
    }
    const auto is_unknown = [&](TokenId token) { return token < 0 || token >= backend.vocab_size(); };
    if (std::any_of(pair.target.begin(), pair.target.end(), is_unknown)) {
      return invalid(
          fmt::format("the target has a token outside the vocabulary of {}.", backend.vocab_size()));
    }
  }
  return {};
}

}  // namespace

Result<std::vector<double>> target_log_probs(const Backend& backend, std::span<const ScoredPair> pairs,
                                             std::optional<TokenId> decoder_start, std::stop_token stop) {
  EPICRISIS_RETURN_IF_ERROR(check(backend, pairs));
  return TargetScoring(backend, pairs, decoder_start, std::move(stop)).run();
}

}  // namespace epicrisis
