#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/files.hpp"
#include "base/progress.hpp"
#include "commands/commands.hpp"
#include "synth/content_reader.hpp"
#include "synth/diversity.hpp"
#include "synth/generator.hpp"

namespace epicrisis {
namespace {

constexpr std::uint64_t kReportNotes = 10'000;
constexpr std::uint64_t kNotesAtOnce = 256;  // between two looks at the progress bar

struct SynthOptions {
  std::uint64_t count = 0;
  std::uint64_t seed = 1;
  std::string output;
  std::string split = "train";
  double typo_rate = 0.015;
  std::string facts;
  std::string data;
  bool report = false;
};

synth::Split split_of(const std::string& name) {
  if (name == "heldout") return synth::Split::kHeldOut;
  return name == "all" ? synth::Split::kAll : synth::Split::kTrain;
}

Result<synth::Generator> make_generator(const SynthOptions& options) {
  std::filesystem::path folder = options.data;
  if (folder.empty()) {
    EPICRISIS_ASSIGN_OR_RETURN(folder, synth::find_content_folder());
  }
  EPICRISIS_ASSIGN_OR_RETURN(synth::Content content, synth::read_content(folder));
  synth::GeneratorOptions how;
  how.seed = options.seed;
  how.split = split_of(options.split);
  how.typos_per_million = static_cast<int>(options.typo_rate * 1'000'000 + 0.5);
  return synth::Generator(std::move(content), how);
}

/// One line of the facts file: the id, then the facts.
std::string facts_line(const synth::SyntheticNote& note) {
  return fmt::format("{{\"id\":\"{}\",\"presentation\":\"{}\",\"note_type\":\"{}\",{}\n", note.id,
                     note.presentation, note.note_type, note.facts.substr(1));
}

Result<void> run(const SynthOptions& options) {
  if (options.output.empty() && !options.report) {
    return Error{ErrorCode::kInvalidArgument, "Nothing to do: give -o FILE, --report, or both.", ""};
  }
  if (options.count == 0 && !options.report) {
    return Error{ErrorCode::kInvalidArgument, "Give --count, how many notes to write.", ""};
  }
  EPICRISIS_ASSIGN_OR_RETURN(const synth::Generator generator, make_generator(options));
  std::optional<AtomicFile> notes;
  std::optional<AtomicFile> facts;
  if (!options.output.empty()) {
    EPICRISIS_ASSIGN_OR_RETURN(notes, AtomicFile::create(options.output));
    EPICRISIS_RETURN_IF_ERROR(notes->write(synth::csv_header()));
  }
  if (!options.facts.empty()) {
    EPICRISIS_ASSIGN_OR_RETURN(facts, AtomicFile::create(options.facts));
  }
  const std::uint64_t count = options.count > 0 ? options.count : options.report ? kReportNotes : 0;
  synth::DiversityReport report;
  Progress progress("Writing notes", count, "notes");
  for (std::uint64_t i = 0; i < count; ++i) {
    const synth::SyntheticNote note = generator.generate(i);
    if (notes) EPICRISIS_RETURN_IF_ERROR(notes->write(synth::csv_record(note)));
    if (facts) EPICRISIS_RETURN_IF_ERROR(facts->write(facts_line(note)));
    if (options.report) report.add(note);
    if (i % kNotesAtOnce == 0) progress.update(i);
  }
  progress.update(count);
  progress.finish();
  if (facts) EPICRISIS_RETURN_IF_ERROR(facts->commit());
  if (notes) EPICRISIS_RETURN_IF_ERROR(notes->commit());
  if (options.report) fmt::print("{}", report.text(generator.content()));
  return {};
}

}  // namespace

void add_synth_command(CLI::App& app, CommandAction& chosen) {
  auto options = std::make_shared<SynthOptions>();
  CLI::App* command =
      app.add_subcommand("synth", "Write synthetic nursing notes with summaries and known facts");
  command->add_option("--count", options->count, "How many notes (10000 for --report alone)");
  command->add_option("--seed", options->seed, "The same seed gives the same notes")->capture_default_str();
  command->add_option("-o,--output", options->output, "CSV to write: note, summary, facts, id, ...");
  command->add_option("--split", options->split, "Notes to train on, held-out ones, or both")
      ->check(CLI::IsMember({"train", "heldout", "all"}))
      ->capture_default_str();
  command
      ->add_option("--typo-rate", options->typo_rate, "Share of ordinary words of the note that are mistyped")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command->add_option("--facts", options->facts, "Write the facts as JSON lines to this file too");
  command->add_option("--data", options->data,
                      "Folder of grammar and clinical content (see docs/formats/synth.md)");
  command->add_flag("--report,--stats", options->report, "Print how varied the notes are");
  command->callback([options, &chosen] { chosen = [options] { return run(*options); }; });
}

}  // namespace epicrisis
