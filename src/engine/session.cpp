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

int cache_width(const Architecture& a) { return a.decoder.heads * a.head_dim; }

KvCacheShape cache_shape(const Core& core) {
  const Architecture& a = core.model->architecture;
  return {a.decoder.layers, cache_width(a), core.max_cache_bytes};
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

CacheCosts cache_costs(const ModelWeights& model) noexcept {
  const Architecture& a = model.architecture;
  const std::size_t elements =
      2 * static_cast<std::size_t>(a.decoder.layers) * static_cast<std::size_t>(cache_width(a));
  const std::size_t source_bytes =
      model.type == ComputeType::kFloat32 ? sizeof(float) : sizeof(std::uint16_t);
  const bool has_encoder = a.topology == Topology::kEncoderDecoder;
  return {has_encoder ? elements * source_bytes : 0, elements * sizeof(float)};
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
  if (const auto encoded = encode(sources, ids); !encoded) {
    for (const SourceId id : ids) sources_.erase(id);
    return encoded.error();
  }
  return ids;
}

Result<void> Session::encode(std::span<const std::vector<TokenId>> sources, std::vector<SourceId>& ids) {
  for (std::size_t first = 0; first < sources.size();) {
    const auto group =
        sources.subspan(first, next_group(sources, first, [](const auto& source) { return source.size(); }));
    EPICRISIS_ASSIGN_OR_RETURN(const std::vector<SourceId> added, begin_adding(group));
    for (bool done = false; !done;) {
      EPICRISIS_ASSIGN_OR_RETURN(done, continue_adding());
    }
    ids.insert(ids.end(), added.begin(), added.end());
    first += group.size();
  }
  return {};
}

Result<std::vector<SourceId>> Session::begin_adding(std::span<const std::vector<TokenId>> sources) {
  const Architecture& a = core_->model->architecture;
  EPICRISIS_CHECK(adding_.empty());
  for (const auto& source : sources) EPICRISIS_RETURN_IF_ERROR(check_tokens(a, source, "source"));
  std::vector<SourceId> ids;
  try {
    for (const auto& source : sources) {
      ids.push_back(next_source_++);
      adding_.push_back({ids.back(), {static_cast<int>(source.size()), {}}});
    }
    remembered_layers_ = -1;
    if (a.topology == Topology::kEncoderDecoder) encoder_.begin(sources);
  } catch (const std::bad_alloc&) {
    adding_.clear();
    return out_of_memory("encoding");
  }
  return ids;
}

// A decoder-only model's sources are but names: the first step of a hypothesis brings the prompt.
Result<bool> Session::continue_adding() {
  const Architecture& a = core_->model->architecture;
  try {
    if (a.topology == Topology::kEncoderDecoder && !adding_.empty()) {
      if (remembered_layers_ >= 0) {
        remember_layer();
      } else if (encoder_.advance()) {
        for (Adding& adding : adding_) adding.memory = decoder_.make_memory(adding.memory.length);
        remembered_layers_ = 0;
      }
      if (remembered_layers_ < a.decoder.layers) return false;
    }
    for (Adding& adding : adding_) sources_.emplace(adding.id, std::move(adding.memory));
  } catch (const std::bad_alloc&) {
    for (const Adding& adding : adding_) sources_.erase(adding.id);
    adding_.clear();
    return out_of_memory("encoding");
  }
  adding_.clear();
  return true;
}

void Session::remember_layer() {
  const float* hidden = encoder_.hidden();
  for (Adding& adding : adding_) {
    decoder_.remember(adding.memory, remembered_layers_, hidden);
    hidden += static_cast<std::ptrdiff_t>(adding.memory.length) * core_->model->architecture.d_model;
  }
  ++remembered_layers_;
}

void Session::remove(SourceId source) { sources_.erase(source); }

Result<void> Session::step(std::span<const HypothesisStep> rows, std::span<float> logits) {
  return step_all(rows, DecoderOutput::kLastLogits, logits);
}

// All or nothing: until the decoder is done the rows of the last step keep their slots.
Result<void> Session::step_all(std::span<const HypothesisStep> rows, DecoderOutput output,
                               std::span<float> to) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::size_t tokens, check(rows));
  std::size_t written = tokens;
  if (output == DecoderOutput::kLastLogits) {
    written = 0;
    for (const HypothesisStep& row : rows) written += static_cast<std::size_t>(row.scored);
  }
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
      to += width *
            (output == DecoderOutput::kLastLogits ? static_cast<std::size_t>(row.scored) : row.tokens.size());
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
      EPICRISIS_CHECK(row.dropped >= 0 && static_cast<std::size_t>(row.dropped) < parent.slots.size());
      length += parent.slots.size() - static_cast<std::size_t>(row.dropped);
    }
    EPICRISIS_CHECK(row.scored >= 0 && static_cast<std::size_t>(row.scored) <= row.tokens.size());
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
    if (row.parent >= 0) {
      const std::vector<KvCache::Slot>& slots = current_[static_cast<std::size_t>(row.parent)].slots;
      hypothesis.slots.assign(slots.begin(), slots.end() - row.dropped);
    }
    const auto end = fresh + static_cast<std::ptrdiff_t>(row.tokens.size());
    hypothesis.slots.insert(hypothesis.slots.end(), fresh, end);
    fresh = end;
    decoder_rows_.push_back({row.tokens, hypothesis.slots, &sources_.at(row.source), row.scored});
  }
}

}  // namespace epicrisis::engine
