#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bench/bench_model.hpp"
#include "bench/bench_report.hpp"
#include "checkpoint/model_shapes.hpp"
#include "commands/commands.hpp"
#include "engine/kernels/target_name.hpp"
#include "shared/dtype_option.hpp"
#include "standard_streams.hpp"

namespace epicrisis {
namespace {

/// The longest source and output that are measured.
constexpr int kLongestSource = 768;
constexpr int kLongestText = 768 + 96;

Result<void> check_lengths(const Architecture& architecture) {
  const bool has_encoder = architecture.topology == Topology::kEncoderDecoder;
  const int needed = has_encoder ? kLongestSource : kLongestText;
  if (max_tokens(architecture) >= needed) return {};
  return Error{ErrorCode::kUnsupported,
               fmt::format("bench reads up to {} tokens, this model has {} positions.", needed,
                           max_tokens(architecture)),
               ""};
}

Result<void> run_bench(const bench::BenchOptions& options) {
  const int processors = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  const int threads = options.threads > 0 ? options.threads : processors;
  if (!options.json) fmt::print(stderr, "epicrisis: measuring the machine and preparing the model\n");
  EPICRISIS_ASSIGN_OR_RETURN(const bench::BenchModel model, bench::prepare_model(options, threads));
  EPICRISIS_RETURN_IF_ERROR(check_lengths(model.engine->architecture()));
  bench::BenchResult measured;
  measured.model = model.name + (model.made_folder ? " (random weights)" : "");
  measured.instruction_set = kernels::target_name();
  measured.architecture = &model.engine->architecture();
  measured.type = options.type;
  measured.threads = threads;
  measured.load = bench::load_of(options);
  measured.limits = model.limits;
  measured.load_seconds = model.load_seconds;
  if (!options.json) EPICRISIS_RETURN_IF_ERROR(write_standard_output(bench::table_heading(measured)));
  // Requests alone come first, for all beams: the mixed load takes more memory and would hide theirs.
  std::vector<bench::BenchResult> results;
  for (const int beams : options.beams) {
    measured.beams = beams;
    EPICRISIS_ASSIGN_OR_RETURN(measured.latency, bench::measure_latency(*model.engine, beams, measured.load));
    measured.peak_rss_bytes = bench::peak_rss_bytes();
    results.push_back(measured);
  }
  for (bench::BenchResult& each : results) {
    EPICRISIS_ASSIGN_OR_RETURN(each.throughput,
                               bench::measure_throughput(*model.engine, each.beams, each.load));
    each.mixed_peak_rss_bytes = bench::peak_rss_bytes();
    EPICRISIS_RETURN_IF_ERROR(
        write_standard_output(options.json ? bench::json_line(each) : bench::table(each)));
  }
  return {};
}

}  // namespace

void add_bench_command(CLI::App& app, CommandAction& chosen) {
  CLI::App* const command =
      app.add_subcommand("bench", "How fast a model runs here, beside what this machine allows");
  auto options = std::make_shared<bench::BenchOptions>();
  CLI::Option* const model = command
                                 ->add_option("--model", options->model,
                                              "Model folder, .tar.gz or name; left out: the bundled model")
                                 ->type_name("REF");
  command
      ->add_option(
          "--shape", options->shape,
          fmt::format("Random weights in the shape of a known model: {}", fmt::join(kPublishedShapes, ", ")))
      ->type_name("NAME")
      ->excludes(model);
  add_dtype_option(*command, options->type);
  command->add_option("--threads", options->threads, "Threads; 0: one a processor")
      ->check(CLI::Range(0, 1024))
      ->type_name("N");
  command->add_option("--beams", options->beams, "Beams of the search, 1 for greedy; several: 1,4,8")
      ->delimiter(',')
      ->check(CLI::Range(1, 64))
      ->type_name("K");
  command->add_flag("--short", options->is_short, "Fewer tokens and requests: a rough answer in seconds");
  command->add_flag("--json", options->json, "One JSON object a line for each number of beams");
  command->callback([options, &chosen] { chosen = [options] { return run_bench(*options); }; });
}

}  // namespace epicrisis
