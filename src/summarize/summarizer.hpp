#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "engine/compute_type.hpp"
#include "generation/generation_config.hpp"
#include "summarize/model_card.hpp"
#include "summarize/text_settings.hpp"

namespace epicrisis {

struct Summary {
  std::string text;
  /// As generated: start token or prompt first, and the closing token if it was reached.
  std::vector<TokenId> token_ids;
  int given_tokens = 1;    ///< How many of token_ids were given: the start token, or the prompt.
  double score = 0;        ///< See Hypothesis::score.
  int source_tokens = 0;   ///< Tokens of the note that the model read, special tokens included.
  int dropped_tokens = 0;  ///< Tokens at the note's end that did not fit the model.
  int decode_steps = 0;    ///< See Hypothesis::steps.
};

struct SummarizerOptions {
  int threads = 0;  ///< Threads that share one step; 0: all processors.
  ComputeType type = ComputeType::kFloat32;
  /// Most memory for keys and values of the notes in work; 0: half of what the machine has left once the
  /// model is loaded.
  std::size_t max_cache_bytes = 0;
  std::string reference = {};              ///< What the folder was found by; see read_model_card().
  Task task = Task::kSummarization;        ///< Whose prefix, settings and form of output are the defaults.
  std::optional<std::string> prompt = {};  ///< In place of the task's prefix; see parse_prompt().
};

/// `architectures[0]` of a config.json ("PegasusForConditionalGeneration"); empty when it names none.
std::string architecture_name_of(const Json& config);

/// Notes in, summaries out: tokenizer, engine and search of one model folder. Thread-safe: what several
/// threads ask for is computed together, in one batch that notes join and leave at any step.
class Summarizer {
 public:
  /// Errors: those of the tokenizer, the checkpoint and the engine; kCorrupt when tokenizer and model do not
  /// belong together; kInvalidArgument for a prompt without place for the note.
  static Result<std::shared_ptr<const Summarizer>> load(const std::filesystem::path& folder,
                                                        const SummarizerOptions& options = {});
  Summarizer(const Summarizer&) = delete;
  Summarizer& operator=(const Summarizer&) = delete;
  ~Summarizer();

  /// What the model folder asks for; lay a request's parameters over a copy.
  const GenerationConfig& defaults() const noexcept;
  /// What the task shows of a generated sequence.
  const TextOutput& default_output() const noexcept;
  /// Summarises each note as if it were alone. num_return_sequences summaries a note, best first, note after
  /// note. A note longer than the model reads is cut at its end; where the model continues its input, so
  /// that max_new_tokens fit behind it. Errors: kInvalidArgument naming the note (from 1) that is blank or
  /// not UTF-8, for bad settings, and for a max_length that the prompt fills; kUnsupported, kCancelled.
  Result<std::vector<Summary>> summarize(std::span<const std::string> notes, const TextSettings& settings,
                                         std::stop_token stop = {}) const;
  /// Summarises one note and gives its text in pieces as they settle; together they are the summary's text,
  /// which is that of summarize(). Errors: also kInvalidArgument for num_return_sequences above 1.
  Result<Summary> summarize_streaming(const std::string& note, const TextSettings& settings,
                                      const std::function<void(std::string_view piece)>& take_piece,
                                      std::stop_token stop = {}) const;
  /// The same with the task's own form of output.
  Result<std::vector<Summary>> summarize(std::span<const std::string> notes, const GenerationConfig& config,
                                         std::stop_token stop = {}) const;

  /// Whether the model writes a sequence of its own; else it continues its input.
  bool is_encoder_decoder() const noexcept;
  const ModelCard& card() const noexcept;
  /// Most tokens of a note that are read, special tokens included.
  int max_source_tokens() const noexcept;

 private:
  struct Impl;
  explicit Summarizer(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace epicrisis
