#include "summarize/detail/text_model.hpp"

#include <fmt/format.h>

#include <future>
#include <limits>
#include <utility>

#include "checkpoint/checkpoint.hpp"
#include "text/unicode/utf8.hpp"

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

/// Bytes of the first `code_points` of `text`.
std::size_t bytes_of(std::string_view text, std::size_t code_points) {
  std::size_t position = 0;
  for (; code_points > 0 && position < text.size(); --code_points) {
    position += decode_code_point_lossy(text, position).size_bytes;
  }
  return position;
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
  EncodedNote encoded;
  encoded.ids = tokenizer.encode(prompt.around(note), {.add_special_tokens = !continues}).ids;
  const auto most = static_cast<std::size_t>(limit);
  if (encoded.ids.size() <= most) return encoded;
  const std::size_t whole = encoded.ids.size();
  EPICRISIS_ASSIGN_OR_RETURN(encoded.ids, encode_cut(note, whole, most));
  encoded.dropped_tokens = static_cast<int>(whole - encoded.ids.size());
  return encoded;
}

/// At most `limit` tokens of the prompt round as much of the note's beginning as fits; `tokens` is how many
/// all of it takes.
Result<std::vector<TokenId>> TextModel::encode_cut(const std::string& note, std::size_t tokens,
                                                   std::size_t limit) const {
  const bool special = engine->is_encoder_decoder();
  const auto no_room = [limit] {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("The prompt leaves no room for the note in {} tokens.", limit), ""};
  };
  if (prompt.after.empty()) {
    if (!prompt.before.empty() &&
        tokenizer.encode(prompt.before, {.add_special_tokens = special}).ids.size() >= limit)
      return no_room();
    return tokenizer.encode(prompt.around(note), {.add_special_tokens = special, .max_length = limit}).ids;
  }
  // What follows the note must stay, so the note is cut before it is put in. Where the cut falls can change
  // the tokens round it, hence the loop; each round drops at least one token.
  const Encoding of_note = tokenizer.encode(note, {.add_special_tokens = false});
  std::size_t kept = of_note.ids.size();
  std::vector<TokenId> ids;
  while (tokens > limit) {
    const std::size_t excess = tokens - limit;
    if (excess >= kept) return no_room();
    kept -= excess;
    const std::size_t end = bytes_of(note, static_cast<std::size_t>(of_note.offsets[kept - 1].end));
    ids = tokenizer.encode(prompt.around(note.substr(0, end)), {.add_special_tokens = special}).ids;
    tokens = ids.size();
  }
  return ids;
}

}  // namespace epicrisis::detail
