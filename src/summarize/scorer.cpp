#include "summarize/scorer.hpp"

#include <fmt/format.h>

#include <utility>

#include "checkpoint/families/family.hpp"
#include "summarize/detail/text_model.hpp"
#include "summarize/note_check.hpp"

namespace epicrisis {

struct Scorer::Impl {
  detail::TextModel model;

  Result<std::vector<TokenId>> labels(const std::string& summary) const;
};

namespace {

Error invalid(std::string message) { return {ErrorCode::kInvalidArgument, std::move(message), ""}; }

}  // namespace

Result<std::vector<TokenId>> Scorer::Impl::labels(const std::string& summary) const {
  const bool continues = !model.engine->is_encoder_decoder();
  std::vector<TokenId> ids = model.tokenizer.encode(summary, {.add_special_tokens = !continues}).ids;
  if (continues && !model.defaults.eos_token_ids.empty()) {
    ids.push_back(model.defaults.eos_token_ids.front());
  }
  const auto most = static_cast<std::size_t>(model.engine->max_target_tokens());
  if (ids.empty()) return invalid("the summary has no tokens.");
  if (ids.size() <= most) return ids;
  return invalid(
      fmt::format("the summary has {} tokens, but this model writes at most {}.", ids.size(), most));
}

Result<std::shared_ptr<const Scorer>> Scorer::load(const std::filesystem::path& folder,
                                                   const SummarizerOptions& options) {
  EPICRISIS_ASSIGN_OR_RETURN(detail::TextModel model, detail::TextModel::load(folder, options));
  auto impl = std::unique_ptr<const Impl>(new Impl{std::move(model)});
  return std::shared_ptr<const Scorer>(new Scorer(std::move(impl)));
}

Scorer::Scorer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Scorer::~Scorer() = default;

Result<ScorerInput> Scorer::prepare(const std::string& note, const std::string& summary) const {
  if (const auto problem = note_problem(note)) return invalid("the note " + *problem);
  if (const auto problem = note_problem(summary)) return invalid("the summary " + *problem);
  ScorerInput input;
  EPICRISIS_ASSIGN_OR_RETURN(input.pair.target, impl_->labels(summary));
  EPICRISIS_ASSIGN_OR_RETURN(detail::EncodedNote encoded,
                             impl_->model.encode(note, static_cast<int>(input.pair.target.size())));
  input.pair.source = std::move(encoded.ids);
  input.dropped_tokens = encoded.dropped_tokens;
  return input;
}

Result<std::vector<SummaryScore>> Scorer::score(std::span<const ScorerInput> inputs,
                                                std::stop_token stop) const {
  std::vector<ScoredPair> pairs;
  pairs.reserve(inputs.size());
  for (const ScorerInput& input : inputs) pairs.push_back(input.pair);
  EPICRISIS_ASSIGN_OR_RETURN(
      const std::vector<double> log_probs,
      target_log_probs(*impl_->model.engine, pairs,
                       teacher_forcing_start(impl_->model.engine->architecture()), std::move(stop)));
  std::vector<SummaryScore> scores;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto tokens = static_cast<int>(pairs[i].target.size());
    scores.push_back({.loss = -log_probs[i] / tokens,
                      .tokens = tokens,
                      .log_prob = log_probs[i],
                      .source_tokens = static_cast<int>(pairs[i].source.size()),
                      .dropped_tokens = inputs[i].dropped_tokens});
  }
  return scores;
}

}  // namespace epicrisis
