#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/files.hpp"
#include "base/json.hpp"
#include "commands/commands.hpp"
#include "commands/generation_options.hpp"
#include "hub/model_reference.hpp"
#include "shared/dtype_option.hpp"
#include "standard_streams.hpp"
#include "summarize/note_check.hpp"
#include "summarize/summarizer.hpp"

namespace epicrisis {
namespace {

constexpr std::uint64_t kMaxReadBytes = 256ULL << 20;

/// What was given on the command line.
struct Arguments {
  std::vector<std::string> files;
  std::string model;
  std::optional<std::string> prompt;
  ComputeType type = ComputeType::kFloat32;
  int threads = 0;
  bool json = false;
  Json generation = Json::object();
};

Result<void> check(const Arguments& arguments) {
  const auto invalid = [](std::string message) {
    return Error{ErrorCode::kInvalidArgument, std::move(message), ""};
  };
  if (std::count(arguments.files.begin(), arguments.files.end(), "-") > 1) {
    return invalid("Standard input ('-') can be one note only.");
  }
  if (arguments.files.empty() && isatty(STDIN_FILENO) != 0) {
    return invalid("Give the file of a note, or '-' to read one from standard input.");
  }
  return {};
}

/// The note in `file` ('-': standard input), known to be fit for summarising.
Result<std::string> read_note(const std::string& file) {
  EPICRISIS_ASSIGN_OR_RETURN(
      std::string note, file == "-" ? read_standard_input(kMaxReadBytes) : read_file(file, kMaxReadBytes));
  if (const auto problem = note_problem(note)) {
    const std::string which = file == "-" ? "Standard input" : "'" + file + "'";
    return Error{ErrorCode::kInvalidArgument, which + " " + *problem, ""};
  }
  return note;
}

double tokens_per_step(const Summary& summary) {
  const auto written = static_cast<double>(summary.token_ids.size()) - summary.given_tokens;
  return written / summary.decode_steps;
}

std::string as_json_line(const Summary& summary, const std::string& file, double seconds,
                         const ModelCard& card) {
  OrderedJson line;
  line["file"] = file;
  line["summary"] = summary.text;
  line["token_ids"] = summary.token_ids;
  line["score"] = summary.score;
  line["source_tokens"] = summary.source_tokens;
  line["dropped_tokens"] = summary.dropped_tokens;
  if (summary.decode_steps > 0) line["tokens_per_step"] = tokens_per_step(summary);
  line["seconds"] = seconds;
  line["model"] = {{"name", card.name}, {"trained_for", card.trained_for}};
  // A file name or a token may hold bytes that are no UTF-8.
  return line.dump(-1, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

std::string warning_if_cut(const Summary& summary, const std::string& file) {
  if (summary.dropped_tokens == 0) return "";
  return fmt::format(
      "epicrisis: '{}' is longer than the model reads: {} of {} tokens at its end were left out\n", file,
      summary.dropped_tokens, summary.source_tokens + summary.dropped_tokens);
}

/// One run of the command.
class SummarizeCommand {
 public:
  explicit SummarizeCommand(Arguments arguments) : arguments_(std::move(arguments)) {}

  Result<void> run() {
    EPICRISIS_RETURN_IF_ERROR(check(arguments_));
    if (arguments_.files.empty()) arguments_.files = {"-"};
    EPICRISIS_ASSIGN_OR_RETURN(const ModelFolder folder, resolve_model(arguments_.model));
    EPICRISIS_ASSIGN_OR_RETURN(summarizer_, Summarizer::load(folder.path(), {.threads = arguments_.threads,
                                                                             .type = arguments_.type,
                                                                             .reference = folder.name(),
                                                                             .prompt = arguments_.prompt}));
    config_ = summarizer_->defaults();
    EPICRISIS_RETURN_IF_ERROR(config_.apply(arguments_.generation, true));
    EPICRISIS_RETURN_IF_ERROR(config_.validate());
    return summarize_all();
  }

 private:
  /// What standard output and standard error get of a file.
  struct Output {
    std::string text;
    std::string warning;
  };

  /// Goes on after a note that fails; each failure is one line, the last of them main's. Some files are
  /// computed together, and written in order.
  Result<void> summarize_all() {
    constexpr std::size_t kFilesAtOnce = 32;
    Result<void> outcome;
    std::stop_source stop;
    std::deque<std::future<Result<Output>>> running;
    auto next = arguments_.files.begin();
    while (next != arguments_.files.end() || !running.empty()) {
      for (; next != arguments_.files.end() && running.size() < kFilesAtOnce; ++next) {
        auto summarize = [this, file = *next, token = stop.get_token()] {
          return summarize_one(file, token);
        };
        running.push_back(std::async(std::launch::async, std::move(summarize)));
      }
      Result<void> one = write(running.front().get());
      running.pop_front();
      if (one) continue;
      if (!outcome) fmt::print(stderr, "epicrisis: {}\n", outcome.error().to_line());
      outcome = std::move(one);
      if (output_failed_) break;
    }
    stop.request_stop();
    return outcome;
  }

  Result<Output> summarize_one(const std::string& file, std::stop_token stop) const {
    EPICRISIS_ASSIGN_OR_RETURN(const std::string note, read_note(file));
    const auto start = std::chrono::steady_clock::now();
    EPICRISIS_ASSIGN_OR_RETURN(const std::vector<Summary> summaries,
                               summarizer_->summarize({&note, 1}, config_, std::move(stop)));
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    Output output;
    if (!arguments_.json && arguments_.files.size() > 1) output.text = fmt::format("==> {} <==\n", file);
    for (const Summary& summary : summaries) {
      output.text += arguments_.json ? as_json_line(summary, file, taken.count(), summarizer_->card())
                                     : summary.text + "\n";
    }
    output.warning = warning_if_cut(summaries.front(), file);
    return output;
  }

  Result<void> write(const Result<Output>& output) {
    if (!output) return output.error();
    fmt::print(stderr, "{}", output->warning);
    Result<void> printed = write_standard_output(output->text);
    output_failed_ = !printed;
    return printed;
  }

  Arguments arguments_;
  std::shared_ptr<const Summarizer> summarizer_;
  GenerationConfig config_;
  bool output_failed_ = false;
};

/// Says what the default model is good for; looked up only when help is asked for.
std::string describe_default_model() {
  const auto folder = resolve_model("");
  if (!folder) return "";
  const auto card = read_model_card(folder->path(), folder->name());
  if (!card || card->trained_for.empty()) return "";
  return fmt::format("\nThe default model, {}: {}\n", card->name, card->trained_for);
}

}  // namespace

void add_summarize_command(CLI::App& app, CommandAction& chosen) {
  CLI::App* command = app.add_subcommand("summarize", "Summarise clinical notes");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("FILE", arguments->files, "Notes, one a file; '-' or none: one from standard input");
  command
      ->add_option("--model", arguments->model, "Model folder, .tar.gz or name; left out: the bundled model")
      ->type_name("REF");
  command
      ->add_option("--prompt", arguments->prompt,
                   "What the model reads, with '{note}' where the note goes; left out: what the model says")
      ->type_name("TEXT");
  add_dtype_option(*command, arguments->type);
  command->add_option("--threads", arguments->threads, "Threads; 0: one a processor")->type_name("N");
  command->add_flag("--json", arguments->json, "One JSON object a summary and line");
  add_generation_options(*command, arguments->generation);
  command->footer(describe_default_model);
  command->callback(
      [&chosen, arguments] { chosen = [arguments] { return SummarizeCommand(*arguments).run(); }; });
}

}  // namespace epicrisis
