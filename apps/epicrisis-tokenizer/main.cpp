// `epicrisis tokenizer ...`. A program of its own: SentencePiece is for training only, so that nothing a
// clinician waits for loads it, and its copy of Protocol Buffers clashes with the one that LibTorch loads.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/files.hpp"
#include "data/csv_reader.hpp"
#include "text/line_reader.hpp"
#include "text/tokenizers/unigram_trainer.hpp"

namespace epicrisis {
namespace {
namespace fs = std::filesystem;

struct Arguments {
  std::vector<std::string> files;
  std::vector<std::string> columns = {"note", "summary"};
  std::string output;
  UnigramTrainerOptions options;
  bool no_split_digits = false;
  bool overwrite = false;
};

bool is_csv(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.ends_with(".csv") || name.ends_with(".csv.gz");
}

/// The wanted columns of a CSV file; those that it lacks are passed over, but one must be there.
Result<std::vector<std::size_t>> find_columns(const data::CsvReader& reader, const Arguments& arguments,
                                              const fs::path& path) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < reader.header().size(); ++i) {
    const std::string& name = reader.header()[i];
    if (std::find(arguments.columns.begin(), arguments.columns.end(), name) != arguments.columns.end())
      found.push_back(i);
  }
  if (!found.empty()) return found;
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("{} has none of the columns {}; name its text columns with --columns.",
                           path.string(), fmt::join(arguments.columns, ", ")),
               ""};
}

/// The texts of a list of files one after the other: fields of CSV files, lines of others.
class TextSource {
 public:
  explicit TextSource(const Arguments& arguments) : arguments_(arguments) {}

  Result<std::optional<std::string>> next() {
    while (true) {
      if (!fields_.empty()) {
        std::string field = std::move(fields_.back());
        fields_.pop_back();
        return std::optional<std::string>(std::move(field));
      }
      if (csv_) {
        EPICRISIS_ASSIGN_OR_RETURN(auto row, csv_->next());
        if (!row) csv_.reset();
        if (row)
          for (const std::size_t column : columns_) fields_.push_back(std::move(row->fields[column]));
      } else if (lines_) {
        EPICRISIS_ASSIGN_OR_RETURN(auto line, lines_->next());
        if (line) return line;
        lines_.reset();
      } else if (next_file_ < arguments_.files.size()) {
        EPICRISIS_RETURN_IF_ERROR(open(arguments_.files[next_file_++]));
      } else {
        return std::optional<std::string>();
      }
    }
  }

 private:
  Result<void> open(const fs::path& path) {
    fmt::print(stderr, "Reading {}\n", path.string());
    if (is_csv(path)) {
      EPICRISIS_ASSIGN_OR_RETURN(auto reader, data::CsvReader::open(path));
      EPICRISIS_ASSIGN_OR_RETURN(columns_, find_columns(reader, arguments_, path));
      csv_.emplace(std::move(reader));
    } else {
      EPICRISIS_ASSIGN_OR_RETURN(auto reader, LineReader::open(path));
      lines_.emplace(std::move(reader));
    }
    return {};
  }

  const Arguments& arguments_;
  std::size_t next_file_ = 0;
  std::optional<data::CsvReader> csv_;
  std::vector<std::size_t> columns_;
  std::vector<std::string> fields_;
  std::optional<LineReader> lines_;
};

Result<void> run(const Arguments& arguments) {
  UnigramTrainerOptions options = arguments.options;
  options.split_digits = !arguments.no_split_digits;
  EPICRISIS_ASSIGN_OR_RETURN(auto folder, StagedDirectory::create(arguments.output, arguments.overwrite));
  TextSource source(arguments);
  const auto next_text = [&]() -> Result<std::optional<std::string>> {
    EPICRISIS_ASSIGN_OR_RETURN(auto text, source.next());
    if (!text) fmt::print(stderr, "Training {} entries\n", options.vocab_size);
    return text;
  };
  EPICRISIS_ASSIGN_OR_RETURN(const UnigramTrainingReport report,
                             train_unigram(next_text, options, folder.path()));
  EPICRISIS_RETURN_IF_ERROR(folder.commit());
  fmt::print(stderr, "Wrote {}: {} entries from {} of {} sentences\n", arguments.output, report.vocab_size,
             report.sentences_used, report.sentences_read);
  return {};
}

void add_train_options(CLI::App& command, Arguments& arguments) {
  command.add_option("--data", arguments.files, "CSV files, or plain text of one text a line; may be gzip")
      ->required()
      ->type_name("FILE...");
  command.add_option("--columns", arguments.columns, "Text columns of the CSV files")
      ->delimiter(',')
      ->capture_default_str();
  command.add_option("--vocab-size", arguments.options.vocab_size, "All ids, the 106 special ones included")
      ->type_name("N")
      ->capture_default_str();
  command.add_option("-o,--output", arguments.output, "Folder to write")->required()->type_name("DIR");
  command
      .add_option("--character-coverage", arguments.options.character_coverage,
                  "Part of all characters that get an entry")
      ->type_name("F")
      ->capture_default_str();
  command.add_option("--max-sentences", arguments.options.max_sentences, "Train on a sample of N sentences")
      ->type_name("N")
      ->capture_default_str();
  command.add_option("--seed", arguments.options.seed, "Of the sample")
      ->type_name("N")
      ->capture_default_str();
  command
      .add_option("--model-max-length", arguments.options.model_max_length,
                  "Longest input in tokens, for tokenizer_config.json")
      ->type_name("N")
      ->capture_default_str();
  command.add_flag("--no-split-digits", arguments.no_split_digits, "Let entries hold several digits");
  command.add_flag("--overwrite", arguments.overwrite, "Replace the folder if it is there");
}

}  // namespace
}  // namespace epicrisis

int main(int argc, char** argv) {
  CLI::App app{"Make tokenizers", "epicrisis tokenizer"};
  app.require_subcommand(1);
  epicrisis::Arguments chosen;
  epicrisis::add_train_options(
      *app.add_subcommand("train", "Train a unigram tokenizer with Pegasus's special tokens"), chosen);
  std::vector<std::string> arguments(argv + 1, argv + argc);
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them last first
  try {
    app.parse(arguments);
    const epicrisis::Result<void> outcome = epicrisis::run(chosen);
    if (outcome) return 0;
    fmt::print(stderr, "epicrisis-tokenizer: {}\n", outcome.error().to_line());
    return epicrisis::exit_code(outcome.error());
  } catch (const CLI::ParseError& stopped) {
    if (stopped.get_exit_code() == 0) return app.exit(stopped);  // --help
    fmt::print(stderr, "epicrisis-tokenizer: {}. Run 'epicrisis tokenizer train --help'.\n", stopped.what());
    return 2;
  } catch (const std::exception& failure) {
    fmt::print(stderr, "epicrisis-tokenizer: internal error: {}\n", failure.what());
    return 1;
  }
}
