#include "engine/session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <new>

#include "base/check.hpp"

namespace epicrisis::engine {
namespace {

// Sources are encoded, and rows decoded, in groups of about this many tokens: enough for full speed, and it
// bounds the activations.
constexpr std::size_t kGroupTokens = 2048;

// How many of `sequences`, from `first` on, make the next group; at least one.
template <class Sequences, class Size>
std::size_t next_group(const Sequences& sequences, std::size_t first, const Size& size) {
  std::size_t tokens = size(sequences[first]);
  std::size_t end = first + 1;
  while (end < sequences.size() && tokens + size(sequences[end]) <= kGroupTokens)
    tokens += size(sequences[end++]);
  return end - first;
}

Error out_of_memory(const char* what) {
  return {ErrorCode::kResourceExhausted,
          "There is not enough memory to process this text; send fewer texts at once.", what};
}

std::size_t output_width(const Architecture& a, DecoderOutput output) {
  return static_cast<std::size_t>(output == DecoderOutput::kHiddenStates ? a.d_model : a.vocab_size);
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
  if (tokens.size() > static_cast<std::size_t>(max_tokens(architecture)))
    return Error{ErrorCode::kInvalidArgument, "The text is too long for this model.",
                 fmt::format("the {} has {} tokens, the model takes {}", what, tokens.size(),
                             max_tokens(architecture))};
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
    if (a.topology == Topology::kEncoderDecoder) {
      encode(sources, ids);
    } else {  // The first step of a hypothesis brings the prompt; until then a source is but a name.
      for (std::size_t i = 0; i < sources.size(); ++i) {
        ids.push_back(next_source_++);
        sources_.emplace(ids.back(), SourceMemory{});
      }
    }
  } catch (const std::bad_alloc&) {
    for (const SourceId id : ids) sources_.erase(id);
    return out_of_memory("encoding");
  }
  return ids;
}

void Session::encode(std::span<const std::vector<TokenId>> sources, std::vector<SourceId>& ids) {
  for (std::size_t first = 0; first < sources.size();) {
    const auto group =
        sources.subspan(first, next_group(sources, first, [](const auto& source) { return source.size(); }));
    const float* hidden = encoder_.encode(group);
    for (const auto& source : group) {
      const int length = static_cast<int>(source.size());
      ids.push_back(next_source_++);
      sources_.emplace(ids.back(), decoder_.remember(hidden, length));
      hidden += static_cast<std::ptrdiff_t>(length) * core_->model->architecture.d_model;
    }
    first += group.size();
  }
}

void Session::remove(SourceId source) { sources_.erase(source); }

Result<void> Session::step(std::span<const HypothesisStep> rows, std::span<float> logits) {
  return step_all(rows, DecoderOutput::kLastLogits, logits);
}

// All or nothing: until the decoder is done the rows of the last step keep their slots.
Result<void> Session::step_all(std::span<const HypothesisStep> rows, DecoderOutput output,
                               std::span<float> to) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::size_t tokens, check(rows));
  const std::size_t written = output == DecoderOutput::kLastLogits ? rows.size() : tokens;
  EPICRISIS_CHECK(to.size() == written * output_width(core_->model->architecture, output));
  fresh_.clear();
  try {
    fresh_.reserve(tokens);
    EPICRISIS_RETURN_IF_ERROR(cache_.take(static_cast<int>(tokens), fresh_));
    grow(rows);
    decode(output, to.data());
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

// Runs the decoder over decoder_rows_, a group of rows at a time.
void Session::decode(DecoderOutput output, float* to) {
  const std::size_t width = output_width(core_->model->architecture, output);
  const std::span<const DecoderRow> rows = decoder_rows_;
  for (std::size_t first = 0; first < rows.size();) {
    const auto group =
        rows.subspan(first, next_group(rows, first, [](const DecoderRow& row) { return row.tokens.size(); }));
    decoder_.run(group, cache_, output, to);
    for (const DecoderRow& row : group)
      to += width * (output == DecoderOutput::kLastLogits ? 1 : row.tokens.size());
    first += group.size();
  }
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
    if (length > static_cast<std::size_t>(max_tokens(a)))
      return Error{ErrorCode::kResourceExhausted,
                   "The text would be longer than this model can write; lower max_length.",
                   fmt::format("{} positions, the model has {}", length, max_tokens(a))};
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
