#include "train/report/write_training_report.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

#include "base/files.hpp"
#include "train/metrics_log.hpp"
#include "train/report/file_identity.hpp"
#include "train/report/length_summary.hpp"
#include "train/report/program_identity.hpp"
#include "train/report/training_report.hpp"
#include "train/report/validation_scores.hpp"
#include "train/training_option.hpp"

namespace epicrisis::train {
namespace {
namespace fs = std::filesystem;

std::string run_name(const TrainingOptions& options) {
  if (!options.run_name.empty()) return options.run_name;
  const fs::path folder = fs::absolute(options.output_dir).lexically_normal();
  return (folder.has_filename() ? folder : folder.parent_path()).filename().string();
}

void add_lengths(const TrainingOptions& options, const TrainingSetup& setup, TrainingReport& report) {
  const auto add = [&](const std::string& split, const data::TokenisedDataset& examples) {
    for (LengthSummary& summary :
         summarise_lengths(split, examples, options.max_source_length, options.max_target_length))
      report.lengths.push_back(std::move(summary));
  };
  add("Training", *setup.train);
  if (setup.validation.examples) add("Validation", *setup.validation.examples);
}

/// For its owner's eyes: note text must not become readable by the way.
Result<void> write_private_file(const fs::path& path, std::string_view content) {
  EPICRISIS_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path));
  std::error_code failure;
  fs::permissions(file.path_aside(), fs::perms::owner_read | fs::perms::owner_write, failure);
  if (failure) return system_error(failure.value(), "protect", path);
  EPICRISIS_RETURN_IF_ERROR(file.write(content));
  return file.commit();
}

}  // namespace

Result<void> write_training_report(const TrainingOptions& options, const TrainingSetup& setup,
                                   const Json& results, TrainingObserver& observer) {
  observer.on_stage("Writing report.html");
  TrainingReport report;
  report.name = run_name(options);
  report.written_at = fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(std::time(nullptr)));
  report.results = results;
  EPICRISIS_ASSIGN_OR_RETURN(report.metrics, read_metrics(options.output_dir / "metrics.jsonl"));
  add_lengths(options, setup, report);
  if (!setup.validation.references.empty()) add_validation_scores(options, setup, observer, report);
  report.options = to_json(options);
  EPICRISIS_ASSIGN_OR_RETURN(report.files, identify_files(options));
  report.environment = program_identity();
  return write_private_file(options.output_dir / "report.html", to_html(report));
}

}  // namespace epicrisis::train
