#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "evaluate/comparison.hpp"

namespace epicrisis::train {

/// A validation example with what the model wrote for it. All texts are clinical text.
struct ReportedExample {
  std::size_t number = 0;  ///< In the validation data, 1 for the first.
  std::string note;
  std::string reference;
  std::optional<std::string> before;  ///< Without fine-tuning; none for a model trained from scratch.
  std::string after;
  std::optional<double> rouge_l_before;  ///< F1 x 100.
  double rouge_l_after = 0;
};

/// Lengths in tokens of the sources or targets of a split.
struct LengthSummary {
  std::string of;  ///< "Training notes"
  std::size_t texts = 0;
  std::size_t tokens = 0;  ///< Of all of them.
  std::size_t median = 0;
  std::size_t percentile_95 = 0;
  std::size_t longest = 0;
  std::size_t at_limit = 0;  ///< As long as the limit: most of them were cut.
};

/// A file that went into a run or came out of it.
struct FileIdentity {
  std::string role;  ///< "Training data"
  std::string name;
  std::uint64_t size_bytes = 0;
  std::string sha256;
};

/// All that report.html shows.
struct TrainingReport {
  std::string name;           ///< Of the run.
  std::string written_at;     ///< Date and time, UTC.
  Json results;               ///< train_results.json.
  std::vector<Json> metrics;  ///< Lines of metrics.jsonl.
  std::vector<LengthSummary> lengths;
  std::size_t validation_examples = 0;
  std::size_t scored_examples = 0;              ///< Of them; the scores below are over these.
  std::string without_outputs;                  ///< Why no model output is scored, when none is.
  std::vector<evaluate::ComparisonRow> scores;  ///< Before, after, baselines.
  std::vector<ReportedExample> worst;           ///< By ROUGE-L after, the worst first.
  std::vector<ReportedExample> random;
  OrderedJson options;  ///< All of the run's.
  std::vector<FileIdentity> files;
  std::vector<std::pair<std::string, std::string>> environment;
};

/// The page: self-contained, without scripts, every text escaped.
std::string to_html(const TrainingReport& report);

}  // namespace epicrisis::train
