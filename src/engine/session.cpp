#include "engine/session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <new>

#include "base/check.hpp"

namespace epicrisis::engine {
namespace {

// Sources are encoded in groups of about this many tokens: enough for full speed, and it bounds the
// activations.
constexpr std::size_t kEncodeTokens = 2048;

Error out_of_memory(const char* what) {
  return {ErrorCode::kResourceExhausted,
          "There is not enough memory to process this text; send fewer texts at once.", what};
}

KvCacheShape cache_shape(const Core& core) {
  const Architecture& a = core.model->architecture;
  return {a.decoder.layers, a.decoder.heads * a.head_dim, core.max_cache_bytes};
}

}  // namespace

Result<void> check_tokens(const Architecture& architecture, std::span<const TokenId> tokens,
                          const char* what) {
  if (tokens.empty())
    return Error{ErrorCode::kInvalidArgument, "The text is empty.",
                 fmt::format("the {} has no tokens", what)};
  if (tokens.size() > static_cast<std::size_t>(architecture.max_positions))
    return Error{ErrorCode::kInvalidArgument, "The text is too long for this model.",
                 fmt::format("the {} has {} tokens, the model takes {}", what, tokens.size(),
                             architecture.max_positions)};
  for (const TokenId token : tokens) {
    if (token < 0 || token >= architecture.vocab_size)
      return Error{
          ErrorCode::kInvalidArgument, "The tokenizer does not belong to this model.",
          fmt::format("a token id of the {} is outside the vocabulary of {}", what, architecture.vocab_size)};
  }
  return {};
}

Session::Session(std::shared_ptr<Core> core)
    : core_(std::move(core)),
      encoder_(*core_->model, core_->team),
      decoder_(*core_->model, core_->team),
      cache_(cache_shape(*core_)) {}

Result<std::vector<SourceId>> Session::add(std::span<const std::vector<TokenId>> sources) {
  const Architecture& a = core_->model->architecture;
  for (const auto& source : sources) EPICRISIS_RETURN_IF_ERROR(check_tokens(a, source, "source"));
  std::vector<SourceId> ids;
  try {
    for (std::size_t first = 0; first < sources.size();) {
      std::size_t tokens = sources[first].size();
      std::size_t end = first + 1;
      while (end < sources.size() && tokens + sources[end].size() <= kEncodeTokens)
        tokens += sources[end++].size();
      const float* hidden = encoder_.encode(sources.subspan(first, end - first));
      for (; first < end; ++first) {
        const int length = static_cast<int>(sources[first].size());
        sources_.emplace(next_source_, decoder_.remember(hidden, length));
        ids.push_back(next_source_++);
        hidden += static_cast<std::ptrdiff_t>(length) * a.d_model;
      }
    }
  } catch (const std::bad_alloc&) {
    for (const SourceId id : ids) sources_.erase(id);
    return out_of_memory("encoding");
  }
  return ids;
}

void Session::remove(SourceId source) { sources_.erase(source); }

Result<void> Session::step(std::span<const HypothesisStep> rows, std::span<float> logits) {
  return advance(rows, LogitsOf::kLastToken, logits);
}

Result<void> Session::step_all(std::span<const HypothesisStep> rows, std::span<float> logits) {
  return advance(rows, LogitsOf::kEveryToken, logits);
}

// All or nothing: until the decoder is done the rows of the last step keep their slots.
Result<void> Session::advance(std::span<const HypothesisStep> rows, LogitsOf which, std::span<float> logits) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::size_t tokens, check(rows));
  const std::size_t written = which == LogitsOf::kEveryToken ? tokens : rows.size();
  EPICRISIS_CHECK(logits.size() == written * static_cast<std::size_t>(core_->model->architecture.vocab_size));
  fresh_.clear();
  try {
    fresh_.reserve(tokens);
    EPICRISIS_RETURN_IF_ERROR(cache_.take(static_cast<int>(tokens), fresh_));
    grow(rows);
    decoder_.run(decoder_rows_, cache_, which, logits.data());
  } catch (const std::bad_alloc&) {
    cache_.release(fresh_);
    return out_of_memory("decoding");
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::vector<KvCache::Slot>& slots = next_[i].slots;
    cache_.retain(std::span(slots).first(slots.size() - rows[i].tokens.size()));
  }
  for (std::size_t i = 0; i < current_count_; ++i) cache_.release(current_[i].slots);
  std::swap(current_, next_);
  current_count_ = rows.size();
  return {};
}

// Checks what the caller promised, and limits; returns the number of tokens to feed.
Result<std::size_t> Session::check(std::span<const HypothesisStep> rows) const {
  const Architecture& a = core_->model->architecture;
  std::size_t tokens = 0;
  for (const HypothesisStep& row : rows) {
    EPICRISIS_CHECK(sources_.contains(row.source));
    EPICRISIS_CHECK(row.parent >= -1 && row.parent < static_cast<int>(current_count_));
    std::size_t length = row.tokens.size();
    if (row.parent >= 0) {
      const Hypothesis& parent = current_[static_cast<std::size_t>(row.parent)];
      EPICRISIS_CHECK(parent.source == row.source);
      length += parent.slots.size();
    }
    EPICRISIS_RETURN_IF_ERROR(check_tokens(a, row.tokens, "target"));
    if (length > static_cast<std::size_t>(a.max_positions))
      return Error{ErrorCode::kResourceExhausted,
                   "The summary would be longer than this model can write; lower max_length.",
                   fmt::format("{} positions, the model has {}", length, a.max_positions)};
    tokens += row.tokens.size();
  }
  return tokens;
}

// Lists in next_ and decoder_rows_ the slots of each row: its parent's, then its share of fresh_.
void Session::grow(std::span<const HypothesisStep> rows) {
  if (next_.size() < rows.size()) next_.resize(rows.size());
  decoder_rows_.clear();
  auto fresh = fresh_.begin();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const HypothesisStep& row = rows[i];
    Hypothesis& hypothesis = next_[i];
    hypothesis.source = row.source;
    hypothesis.slots.clear();
    if (row.parent >= 0) hypothesis.slots = current_[static_cast<std::size_t>(row.parent)].slots;
    const auto end = fresh + static_cast<std::ptrdiff_t>(row.tokens.size());
    hypothesis.slots.insert(hypothesis.slots.end(), fresh, end);
    fresh = end;
    decoder_rows_.push_back({row.tokens, hypothesis.slots, &sources_.at(row.source)});
  }
}

}  // namespace epicrisis::engine
