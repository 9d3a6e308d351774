#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "generation/target_score.hpp"
#include "summarize/summarizer.hpp"

namespace epicrisis {

/// A note and its summary as the model reads them.
struct ScorerInput {
  ScoredPair pair;
  int dropped_tokens = 0;  ///< Tokens at the note's end that did not fit the model.
};

/// How likely a model writes a given summary of a note.
struct SummaryScore {
  double loss = 0;      ///< Mean cross-entropy of the summary's tokens, the closing one included; nats.
  int tokens = 0;       ///< Of the summary, the closing one included.
  double log_prob = 0;  ///< Sum of their log-probabilities: -loss * tokens.
  int source_tokens = 0;
  int dropped_tokens = 0;
};

/// Scores summaries that others wrote: tokenizer and engine of one model folder. Immutable and thread-safe.
class Scorer {
 public:
  /// Errors: as Summarizer::load().
  static Result<std::shared_ptr<const Scorer>> load(const std::filesystem::path& folder,
                                                    const SummarizerOptions& options = {});
  Scorer(const Scorer&) = delete;
  Scorer& operator=(const Scorer&) = delete;
  ~Scorer();

  /// Tokenises a row. A note longer than the model reads is cut at its end. The summary's tokens are those of
  /// the text alone; of a decoder-only model, which reads them behind the prompt, with the model's
  /// end-of-sequence token added. Errors: kInvalidArgument for a note or a summary that is blank or no UTF-8,
  /// or a summary longer than the model writes; the message names neither file nor row.
  Result<ScorerInput> prepare(const std::string& note, const std::string& summary) const;
  /// One score an input, in order, each as if it were alone. Errors: as target_log_probs().
  Result<std::vector<SummaryScore>> score(std::span<const ScorerInput> inputs,
                                          std::stop_token stop = {}) const;

 private:
  struct Impl;
  explicit Scorer(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace epicrisis
