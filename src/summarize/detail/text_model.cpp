#include "summarize/detail/text_model.hpp"

#include <fmt/format.h>

#include <future>
#include <limits>
#include <optional>
#include <utility>

#include "checkpoint/checkpoint.hpp"
#include "text/prompt.hpp"

namespace epicrisis::detail {
namespace fs = std::filesystem;

namespace {

constexpr int kNoLimit = std::numeric_limits<int>::max();

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

}  // namespace

Result<TextModel> TextModel::load(const fs::path& folder, const SummarizerOptions& options) {
  // The tokenizer is read beside the weights: together they are most of the start-up time.
  auto reading_tokenizer = std::async(std::launch::async, [&] { return Tokenizer::load(folder); });
  EPICRISIS_ASSIGN_OR_RETURN(Checkpoint checkpoint, load_checkpoint(folder));
  EPICRISIS_ASSIGN_OR_RETURN(
      GenerationConfig defaults,
      default_generation_config(checkpoint.config, checkpoint.generation_config, to_string(options.task)));
  EPICRISIS_ASSIGN_OR_RETURN(ModelCard card, read_model_card(folder, options.reference));
  Prompt prompt = prompt_of_config(checkpoint.config, options.task);
  if (options.prompt) {
    EPICRISIS_ASSIGN_OR_RETURN(prompt, parse_prompt(*options.prompt));
  }
  EngineOptions engine_options;
  engine_options.threads = options.threads;
  engine_options.type = options.type;
  engine_options.folder = folder;
  EPICRISIS_ASSIGN_OR_RETURN(std::shared_ptr<const Engine> engine,
                             Engine::load(std::move(checkpoint), engine_options));
  EPICRISIS_ASSIGN_OR_RETURN(const int limit, tokenizer_limit(folder, engine->max_source_tokens()));
  EPICRISIS_ASSIGN_OR_RETURN(Tokenizer tokenizer, reading_tokenizer.get());
  if (tokenizer.vocab_size() > static_cast<std::size_t>(engine->vocab_size())) {
    return mismatch(tokenizer.vocab_size(), engine->vocab_size());
  }
  return TextModel{.tokenizer = std::move(tokenizer),
                   .engine = std::move(engine),
                   .defaults = std::move(defaults),
                   .card = std::move(card),
                   .prompt = std::move(prompt),
                   .max_source_tokens = limit};
}

Result<EncodedNote> TextModel::encode(const std::string& note, int new_tokens) const {
  const bool continues = !engine->is_encoder_decoder();
  int limit = max_source_tokens;
  if (continues && limit != kNoLimit) limit -= new_tokens;
  if (limit < 1) {
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("The {} positions of this model have no room for the note beside {} tokens to write.",
                    max_source_tokens, new_tokens),
        ""};
  }
  const std::optional<std::size_t> most =
      limit == kNoLimit ? std::nullopt : std::optional(static_cast<std::size_t>(limit));
  EPICRISIS_ASSIGN_OR_RETURN(CutEncoding encoded,
                             encode_in_prompt(tokenizer, prompt, note, !continues, most));
  return EncodedNote{std::move(encoded.ids), static_cast<int>(encoded.dropped_tokens)};
}

}  // namespace epicrisis::detail
