#include "summarize/summarizer.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/available_memory.hpp"
#include "base/log.hpp"
#include "generation/generation_scheduler.hpp"
#include "summarize/detail/output_text.hpp"
#include "summarize/detail/text_model.hpp"
#include "summarize/note_check.hpp"

namespace epicrisis {

struct Summarizer::Impl {
  Impl(detail::TextModel loaded, TextOutput default_output, std::size_t max_cache_bytes)
      : model(std::move(loaded)),
        output(default_output),
        scheduler(model.engine, {.max_cache_bytes = max_cache_bytes}) {}

  const detail::TextModel model;
  const TextOutput output;
  mutable GenerationScheduler scheduler;
};

namespace {

Result<void> check_notes(std::span<const std::string> notes) {
  for (std::size_t i = 0; i < notes.size(); ++i) {
    if (const auto problem = note_problem(notes[i])) {
      const std::string which =
          notes.size() == 1 ? "The note" : fmt::format("Note {} of {}", i + 1, notes.size());
      return Error{ErrorCode::kInvalidArgument, which + " " + *problem, ""};
    }
  }
  return {};
}

/// Half of the memory that is left; 0 (no limit) where that is not known.
std::size_t default_cache_bytes() {
  const std::size_t bytes = available_memory_bytes().value_or(0) / 2;
  log::debug("summarizer.cache_limit", {{"bytes", bytes}});
  return bytes;
}

Summary make_summary(const detail::TextModel& model, Hypothesis hypothesis, const std::string& note,
                     const detail::EncodedNote& source, const TextSettings& settings) {
  const std::size_t prompt = model.engine->is_encoder_decoder() ? 0 : source.ids.size();
  Summary summary;
  summary.text = detail::output_text(model.tokenizer, hypothesis.ids, prompt, note, settings.output);
  summary.token_ids = std::move(hypothesis.ids);
  summary.given_tokens = prompt == 0 ? 1 : static_cast<int>(prompt);
  summary.score = hypothesis.score;
  summary.source_tokens = static_cast<int>(source.ids.size());
  summary.dropped_tokens = source.dropped_tokens;
  summary.decode_steps = hypothesis.steps;
  return summary;
}

/// Passes on a text that grows. What later tokens may still change is held back: the last word, which may be
/// the beginning of a longer one, with the space before it, which may go before a full stop.
class PieceStream {
 public:
  explicit PieceStream(const std::function<void(std::string_view)>& take) : take_(take) {}

  void offer(const std::string& text) {
    const std::size_t last_space = text.find_last_of(" \n");
    if (last_space != std::string::npos) pass_on(text, last_space);
  }
  void finish(const std::string& text) { pass_on(text, text.size()); }

 private:
  void pass_on(const std::string& text, std::size_t end) {
    if (end <= passed_.size() || text.compare(0, passed_.size(), passed_) != 0) return;
    take_(std::string_view(text).substr(passed_.size(), end - passed_.size()));
    passed_ = text.substr(0, end);
  }

  const std::function<void(std::string_view)>& take_;
  std::string passed_;
};

}  // namespace

std::string architecture_name_of(const Json& config) {
  const auto names = config.find("architectures");
  if (names == config.end() || !names->is_array() || names->empty() || !names->front().is_string()) return {};
  return names->front().get<std::string>();
}

Result<std::shared_ptr<const Summarizer>> Summarizer::load(const std::filesystem::path& folder,
                                                           const SummarizerOptions& options) {
  EPICRISIS_ASSIGN_OR_RETURN(detail::TextModel model, detail::TextModel::load(folder, options));
  const std::size_t cache_bytes =
      options.max_cache_bytes > 0 ? options.max_cache_bytes : default_cache_bytes();
  auto impl = std::make_unique<const Impl>(std::move(model), default_text_output(options.task), cache_bytes);
  return std::shared_ptr<const Summarizer>(new Summarizer(std::move(impl)));
}

Summarizer::Summarizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Summarizer::~Summarizer() = default;

const GenerationConfig& Summarizer::defaults() const noexcept { return impl_->model.defaults; }
const TextOutput& Summarizer::default_output() const noexcept { return impl_->output; }
bool Summarizer::is_encoder_decoder() const noexcept { return impl_->model.engine->is_encoder_decoder(); }
const ModelCard& Summarizer::card() const noexcept { return impl_->model.card; }
int Summarizer::max_source_tokens() const noexcept { return impl_->model.max_source_tokens; }

Result<std::vector<Summary>> Summarizer::summarize(std::span<const std::string> notes,
                                                   const GenerationConfig& config,
                                                   std::stop_token stop) const {
  return summarize(notes, TextSettings{config, impl_->output}, std::move(stop));
}

Result<std::vector<Summary>> Summarizer::summarize(std::span<const std::string> notes,
                                                   const TextSettings& settings, std::stop_token stop) const {
  const detail::TextModel& model = impl_->model;
  EPICRISIS_RETURN_IF_ERROR(settings.generation.validate());
  EPICRISIS_RETURN_IF_ERROR(check_notes(notes));
  std::vector<std::vector<TokenId>> sources;
  std::vector<int> dropped_tokens;
  for (const std::string& note : notes) {
    EPICRISIS_ASSIGN_OR_RETURN(detail::EncodedNote encoded,
                               model.encode(note, settings.generation.max_new_tokens.value_or(0)));
    sources.push_back(std::move(encoded.ids));
    dropped_tokens.push_back(encoded.dropped_tokens);
  }
  EPICRISIS_ASSIGN_OR_RETURN(auto generated,
                             impl_->scheduler.generate(sources, settings.generation, {std::move(stop), {}}));
  std::vector<Summary> summaries;
  for (std::size_t i = 0; i < generated.size(); ++i) {
    for (Hypothesis& hypothesis : generated[i]) {
      summaries.push_back(
          make_summary(model, std::move(hypothesis), notes[i], {sources[i], dropped_tokens[i]}, settings));
    }
  }
  return summaries;
}

Result<Summary> Summarizer::summarize_streaming(const std::string& note, const TextSettings& settings,
                                                const std::function<void(std::string_view)>& take_piece,
                                                std::stop_token stop) const {
  const detail::TextModel& model = impl_->model;
  EPICRISIS_RETURN_IF_ERROR(settings.generation.validate());
  if (settings.generation.num_return_sequences != 1) {
    return Error{ErrorCode::kInvalidArgument,
                 "Only one sequence can be streamed: num_return_sequences must be 1.", ""};
  }
  EPICRISIS_RETURN_IF_ERROR(check_notes(std::span(&note, 1)));
  EPICRISIS_ASSIGN_OR_RETURN(detail::EncodedNote encoded,
                             model.encode(note, settings.generation.max_new_tokens.value_or(0)));
  const std::size_t prompt = is_encoder_decoder() ? 0 : encoded.ids.size();
  PieceStream stream(take_piece);
  const auto settled = [&](const std::vector<TokenId>& ids) {
    stream.offer(detail::output_text(model.tokenizer, ids, prompt, note, settings.output));
  };
  EPICRISIS_ASSIGN_OR_RETURN(auto generated, impl_->scheduler.generate({&encoded.ids, 1}, settings.generation,
                                                                       {std::move(stop), {}}, settled));
  Summary summary = make_summary(model, std::move(generated.front().front()), note, encoded, settings);
  stream.finish(summary.text);
  return summary;
}

}  // namespace epicrisis
