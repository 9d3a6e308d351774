#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "commands/commands.hpp"
#include "data/csv_reader.hpp"
#include "hub/model_reference.hpp"
#include "shared/dtype_option.hpp"
#include "standard_streams.hpp"
#include "summarize/scorer.hpp"

namespace epicrisis {
namespace {

/// Rows scored together: enough to fill a step, few enough to hold in memory whatever the file's size.
constexpr std::size_t kRowsAtOnce = 64;

/// What was given on the command line.
struct Arguments {
  std::string model;
  std::filesystem::path data;
  std::string note_column = "note";
  std::string summary_column = "summary";
  std::optional<std::string> prompt;
  int threads = 0;
  ComputeType type = ComputeType::kFloat32;
  bool json = false;
};

/// Sums over all rows.
struct Totals {
  std::size_t rows = 0;
  std::size_t tokens = 0;
  double log_prob = 0;

  double loss() const { return -log_prob / static_cast<double>(tokens); }
};

std::string row_line(std::size_t row, const SummaryScore& score, bool json) {
  if (!json) {
    return fmt::format("{}\t{:.6f}\t{}\t{:.6f}\n", row, score.loss, score.tokens, score.log_prob);
  }
  OrderedJson line;
  line["row"] = row;
  line["loss"] = score.loss;
  line["tokens"] = score.tokens;
  line["log_prob"] = score.log_prob;
  line["source_tokens"] = score.source_tokens;
  line["dropped_tokens"] = score.dropped_tokens;
  return line.dump() + "\n";
}

std::string totals_line(const Totals& totals, bool json) {
  if (!json) {
    return fmt::format("total\t{:.6f}\t{}\t{:.6f}\n{} rows, perplexity {:.4f}\n", totals.loss(),
                       totals.tokens, totals.log_prob, totals.rows, std::exp(totals.loss()));
  }
  OrderedJson total;
  total["rows"] = totals.rows;
  total["loss"] = totals.loss();
  total["tokens"] = totals.tokens;
  total["log_prob"] = totals.log_prob;
  total["perplexity"] = std::exp(totals.loss());
  OrderedJson line;
  line["total"] = std::move(total);
  return line.dump() + "\n";
}

/// One run of the command.
class ScoreCommand {
 public:
  explicit ScoreCommand(Arguments arguments) : arguments_(std::move(arguments)) {}

  Result<void> run() {
    // The file is opened first: a wrong column is better known before a model is loaded.
    EPICRISIS_ASSIGN_OR_RETURN(data::CsvReader reader, data::CsvReader::open(arguments_.data));
    EPICRISIS_ASSIGN_OR_RETURN(note_column_, reader.column(arguments_.note_column));
    EPICRISIS_ASSIGN_OR_RETURN(summary_column_, reader.column(arguments_.summary_column));
    EPICRISIS_ASSIGN_OR_RETURN(const ModelFolder folder, resolve_model(arguments_.model));
    EPICRISIS_ASSIGN_OR_RETURN(scorer_, Scorer::load(folder.path(), {.threads = arguments_.threads,
                                                                     .type = arguments_.type,
                                                                     .reference = folder.name(),
                                                                     .prompt = arguments_.prompt}));
    if (!arguments_.json) EPICRISIS_RETURN_IF_ERROR(write_standard_output("row\tloss\ttokens\tlog_prob\n"));
    EPICRISIS_RETURN_IF_ERROR(score_all(reader));
    if (totals_.rows == 0) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("'{}' holds no row to score.", arguments_.data.string()), ""};
    }
    warn_if_cut();
    return write_standard_output(totals_line(totals_, arguments_.json));
  }

 private:
  /// What comes before a row that is wrong is still scored and printed.
  Result<void> score_all(data::CsvReader& reader) {
    for (bool more = true; more;) {
      const Result<bool> read = read_rows(reader);
      EPICRISIS_RETURN_IF_ERROR(score_rows());
      if (!read) return read.error();
      more = *read;
    }
    return {};
  }

  /// Fills inputs_ with the next rows; false at the end of the file.
  Result<bool> read_rows(data::CsvReader& reader) {
    inputs_.clear();
    rows_.clear();
    while (inputs_.size() < kRowsAtOnce) {
      EPICRISIS_ASSIGN_OR_RETURN(const std::optional<data::CsvRow> row, reader.next());
      if (!row) return false;
      Result<ScorerInput> input = scorer_->prepare(row->fields[note_column_], row->fields[summary_column_]);
      if (!input) {
        Error error = std::move(input).error();
        error.public_message =
            fmt::format("'{}', row {}: {}", arguments_.data.string(), row->number, error.public_message);
        return error;
      }
      inputs_.push_back(*std::move(input));
      rows_.push_back(row->number);
    }
    return true;
  }

  Result<void> score_rows() {
    EPICRISIS_ASSIGN_OR_RETURN(const std::vector<SummaryScore> scores, scorer_->score(inputs_));
    std::string lines;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      lines += row_line(rows_[i], scores[i], arguments_.json);
      ++totals_.rows;
      totals_.tokens += static_cast<std::size_t>(scores[i].tokens);
      totals_.log_prob += scores[i].log_prob;
      if (scores[i].dropped_tokens > 0) ++cut_notes_;
    }
    return write_standard_output(lines);
  }

  void warn_if_cut() const {
    if (cut_notes_ == 0) return;
    fmt::print(stderr,
               "epicrisis: {} of {} notes are longer than the model reads and were cut at their end\n",
               cut_notes_, totals_.rows);
  }

  Arguments arguments_;
  std::shared_ptr<const Scorer> scorer_;
  std::size_t note_column_ = 0;
  std::size_t summary_column_ = 0;
  std::vector<ScorerInput> inputs_;
  std::vector<std::size_t> rows_;  ///< Numbers in the file of inputs_.
  Totals totals_;
  std::size_t cut_notes_ = 0;
};

}  // namespace

void add_score_command(CLI::App& app, CommandAction& chosen) {
  CLI::App* command =
      app.add_subcommand("score", "How likely a model finds given summaries: loss and log-probability a row");
  auto arguments = std::make_shared<Arguments>();
  command
      ->add_option("--model", arguments->model, "Model folder, .tar.gz or name; left out: the bundled model")
      ->type_name("REF");
  command->add_option("--data", arguments->data, "CSV of notes and summaries, also .gz")
      ->required()
      ->type_name("FILE");
  command->add_option("--note-column", arguments->note_column, "Column of the note")
      ->type_name("COLUMN")
      ->capture_default_str();
  command->add_option("--summary-column", arguments->summary_column, "Column of the summary")
      ->type_name("COLUMN")
      ->capture_default_str();
  command
      ->add_option("--prompt", arguments->prompt,
                   "What the model reads, with '{note}' where the note goes; left out: what the model says")
      ->type_name("TEXT");
  add_dtype_option(*command, arguments->type);
  command->add_option("--threads", arguments->threads, "Threads; 0: one a processor")->type_name("N");
  command->add_flag("--json", arguments->json, "One JSON object a row and line, then the totals");
  command->callback(
      [&chosen, arguments] { chosen = [arguments] { return ScoreCommand(*arguments).run(); }; });
}

}  // namespace epicrisis
