#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "commands/commands.hpp"
#include "hub/model_reference.hpp"
#include "hub/package.hpp"
#include "summarize/summarizer.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;

/// What every package must be able to summarise before it is published. Invented.
constexpr std::string_view kTrialNote =
    "62-year-old man brought in by ambulance with crushing chest pain since 07:40, radiating to the left "
    "arm. "
    "History of hypertension and type 2 diabetes. Aspirin 300 mg given. ECG shows ST elevation in V2 to V4. "
    "Blood pressure 148/92, heart rate 98, saturation 96 % on air. Catheter laboratory informed; transfer "
    "pending.";

struct Arguments {
  std::string model;
  std::string output;
  std::string format = "bin";
};

/// Token ids of a short greedy summary of the trial note by the model in `folder`.
Result<std::vector<TokenId>> trial_summary(const fs::path& folder) {
  EPICRISIS_ASSIGN_OR_RETURN(const auto summarizer, Summarizer::load(folder));
  GenerationConfig config = summarizer->defaults();
  config.num_beams = 1;
  config.num_return_sequences = 1;
  config.do_sample = false;
  config.min_length = 0;
  config.min_new_tokens.reset();
  config.max_new_tokens = 32;
  const std::vector<std::string> notes = {std::string(kTrialNote)};
  EPICRISIS_ASSIGN_OR_RETURN(const std::vector<Summary> summaries, summarizer->summarize(notes, config));
  return summaries.front().token_ids;
}

Result<void> check_same_summary(const fs::path& packed, const std::vector<TokenId>& expected) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::vector<TokenId> ids, trial_summary(packed));
  if (ids == expected) return {};
  return Error{ErrorCode::kInternal,
               "The packed model gives another summary than its folder; nothing was written.", ""};
}

Result<void> run_package(const Arguments& arguments) {
  if (!arguments.output.ends_with(".tar.gz") && !arguments.output.ends_with(".tgz")) {
    return Error{ErrorCode::kInvalidArgument,
                 "--output must end in .tar.gz: the name tells a package from a folder when it is loaded.",
                 ""};
  }
  EPICRISIS_ASSIGN_OR_RETURN(const ModelFolder model, resolve_model(arguments.model));
  EPICRISIS_ASSIGN_OR_RETURN(const std::vector<TokenId> expected, trial_summary(model.path()));
  EPICRISIS_ASSIGN_OR_RETURN(const ModelCard card, read_model_card(model.path()));

  std::optional<Progress> progress;
  PackageOptions options;
  options.format = arguments.format == "bin" ? WeightFormat::kPytorchBin : WeightFormat::kSafetensors;
  if (fs::exists(model.path() / "epicrisis.json")) options.name = card.name;
  options.trained_for = card.trained_for;
  options.verify = [&](const fs::path& packed) { return check_same_summary(packed, expected); };
  options.progress = [&](std::uint64_t done_bytes, std::uint64_t total_bytes) {
    if (!progress) progress.emplace("packing", total_bytes, "bytes");
    progress->update(done_bytes);
  };
  EPICRISIS_ASSIGN_OR_RETURN(const PackageReport report,
                             package_model(model.path(), arguments.output, options));
  progress.reset();
  fmt::print("{}: {} files, {} bytes\n", arguments.output, report.files.size(), report.size_bytes);
  return {};
}

}  // namespace

void add_package_command(CLI::App& app, CommandAction& chosen) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* const command = app.add_subcommand(
      "package", "Packs a model folder into one archive, after summarising a trial note from it.");
  command->add_option("model", arguments->model, "Folder of the model, or its name")->required();
  command->add_option("-o,--output", arguments->output, "Archive to write")
      ->required()
      ->type_name("FILE.tar.gz");
  command->add_option("--format", arguments->format, "Weights as pytorch_model.bin or model.safetensors")
      ->check(CLI::IsMember({"bin", "safetensors"}))
      ->capture_default_str();
  command->callback([arguments, &chosen] { chosen = [arguments] { return run_package(*arguments); }; });
}

}  // namespace epicrisis
