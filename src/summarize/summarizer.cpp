#include "summarize/summarizer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <utility>

#include "checkpoint/checkpoint.hpp"
#include "engine/engine.hpp"
#include "generation/generate.hpp"
#include "summarize/note_check.hpp"
#include "text/tokenizer.hpp"

namespace epicrisis {
namespace fs = std::filesystem;

struct Summarizer::Impl {
  Tokenizer tokenizer;
  std::shared_ptr<const Engine> engine;
  GenerationConfig defaults;
  ModelCard card;
  std::string architecture_name;
  std::string prefix;  ///< Put before each note (T5's "summarize: ").
  int max_source_tokens = 0;

  struct Source {
    std::vector<TokenId> ids;
    int dropped_tokens = 0;
  };
  Source encode(const std::string& note) const;
};

namespace {

std::string first_architecture(const Json& config) {
  const auto names = config.find("architectures");
  if (names == config.end() || !names->is_array() || names->empty() || !names->front().is_string()) return {};
  return names->front().get<std::string>();
}

/// The text that the reference's summarization pipeline puts before each note.
std::string summarization_prefix(const Json& config) {
  for (const char* const pointer : {"/task_specific_params/summarization/prefix", "/prefix"}) {
    const Json::json_pointer place(pointer);
    if (config.contains(place) && config[place].is_string()) return config[place].get<std::string>();
  }
  return {};
}

/// `model_max_length` of tokenizer_config.json where it is a limit: "none" is written there as 1e30.
Result<int> tokenizer_limit(const fs::path& folder, int fallback) {
  const fs::path path = folder / "tokenizer_config.json";
  std::error_code failure;
  if (!fs::exists(path, failure)) return fallback;
  EPICRISIS_ASSIGN_OR_RETURN(const Json json, read_json_file(path));
  const auto limit = json.is_object() ? json.find("model_max_length") : json.end();
  if (limit == json.end() || !limit->is_number()) return fallback;
  const double tokens = limit->get<double>();
  return tokens >= 1 && tokens < fallback ? static_cast<int>(tokens) : fallback;
}

Error mismatch(std::size_t tokenizer_size, int model_size) {
  return {ErrorCode::kCorrupt,
          "Tokenizer and weights of this model do not belong together: the tokenizer knows more tokens than "
          "the weights.",
          fmt::format("{} tokens, {} embeddings", tokenizer_size, model_size)};
}

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

}  // namespace

Summarizer::Impl::Source Summarizer::Impl::encode(const std::string& note) const {
  const std::string text = prefix + note;
  const auto limit = static_cast<std::size_t>(max_source_tokens);
  Source source;
  source.ids = tokenizer.encode(text).ids;
  if (source.ids.size() <= limit) return source;
  source.dropped_tokens = static_cast<int>(source.ids.size() - limit);
  source.ids = tokenizer.encode(text, {.max_length = limit}).ids;
  return source;
}

Result<std::shared_ptr<const Summarizer>> Summarizer::load(const fs::path& folder,
                                                           const SummarizerOptions& options) {
  // The tokenizer is read beside the weights: together they are most of the start-up time.
  auto reading_tokenizer = std::async(std::launch::async, [&] { return Tokenizer::load(folder); });
  EPICRISIS_ASSIGN_OR_RETURN(Checkpoint checkpoint, load_checkpoint(folder));
  EPICRISIS_ASSIGN_OR_RETURN(GenerationConfig defaults,
                             default_generation_config(checkpoint.config, checkpoint.generation_config));
  EPICRISIS_ASSIGN_OR_RETURN(ModelCard card, read_model_card(folder, options.reference));
  std::string architecture_name = first_architecture(checkpoint.config);
  std::string prefix = summarization_prefix(checkpoint.config);
  EngineOptions engine_options;
  engine_options.threads = options.threads;
  EPICRISIS_ASSIGN_OR_RETURN(std::shared_ptr<const Engine> engine,
                             Engine::load(std::move(checkpoint), engine_options));
  EPICRISIS_ASSIGN_OR_RETURN(const int limit, tokenizer_limit(folder, engine->max_source_tokens()));
  EPICRISIS_ASSIGN_OR_RETURN(Tokenizer tokenizer, reading_tokenizer.get());
  if (tokenizer.vocab_size() > static_cast<std::size_t>(engine->vocab_size())) {
    return mismatch(tokenizer.vocab_size(), engine->vocab_size());
  }
  auto impl = std::unique_ptr<const Impl>(new Impl{std::move(tokenizer), std::move(engine),
                                                   std::move(defaults), std::move(card),
                                                   std::move(architecture_name), std::move(prefix), limit});
  return std::shared_ptr<const Summarizer>(new Summarizer(std::move(impl)));
}

Summarizer::Summarizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Summarizer::~Summarizer() = default;

const GenerationConfig& Summarizer::defaults() const noexcept { return impl_->defaults; }
const std::string& Summarizer::architecture_name() const noexcept { return impl_->architecture_name; }
bool Summarizer::is_encoder_decoder() const noexcept { return impl_->engine->is_encoder_decoder(); }
const ModelCard& Summarizer::card() const noexcept { return impl_->card; }
int Summarizer::max_source_tokens() const noexcept { return impl_->max_source_tokens; }

Result<std::vector<Summary>> Summarizer::summarize(std::span<const std::string> notes,
                                                   const GenerationConfig& config,
                                                   std::stop_token stop) const {
  EPICRISIS_RETURN_IF_ERROR(config.validate());
  EPICRISIS_RETURN_IF_ERROR(check_notes(notes));
  std::vector<std::vector<TokenId>> sources;
  std::vector<int> dropped_tokens;
  for (const std::string& note : notes) {
    Impl::Source source = impl_->encode(note);
    sources.push_back(std::move(source.ids));
    dropped_tokens.push_back(source.dropped_tokens);
  }
  EPICRISIS_ASSIGN_OR_RETURN(auto generated, generate(*impl_->engine, sources, config, std::move(stop)));
  std::vector<Summary> summaries;
  for (std::size_t i = 0; i < generated.size(); ++i) {
    for (Hypothesis& hypothesis : generated[i]) {
      Summary summary;
      summary.text = impl_->tokenizer.decode(hypothesis.ids);
      summary.token_ids = std::move(hypothesis.ids);
      summary.score = hypothesis.score;
      summary.source_tokens = static_cast<int>(sources[i].size());
      summary.dropped_tokens = dropped_tokens[i];
      summaries.push_back(std::move(summary));
    }
  }
  return summaries;
}

}  // namespace epicrisis
