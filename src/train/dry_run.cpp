#include "train/dry_run.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/files.hpp"
#include "checkpoint/checkpoint.hpp"
#include "train/memory_limit.hpp"
#include "train/ops/ops.hpp"
#include "train/run_estimate.hpp"
#include "train/training_setup.hpp"

namespace epicrisis::train {
namespace {
namespace fs = std::filesystem;

/// Floating-point operations a second of a product as the model's.
double measured_flops(const Architecture& architecture) {
  const at::NoGradGuard no_gradients;
  const std::int64_t rows = 1024;
  const std::int64_t ffn = architecture.decoder.ffn_dim;
  const at::Tensor x = at::ones({rows, architecture.d_model}), weight = at::ones({ffn, architecture.d_model});
  ops::linear(x, weight, {});
  const auto start = std::chrono::steady_clock::now();
  double seconds = 0;
  int runs = 0;
  while (seconds < 0.1) {
    ops::linear(x, weight, {});
    ++runs;
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  return 2.0 * static_cast<double>(runs * rows * ffn) * architecture.d_model / seconds;
}

/// Updates of the whole run; 0 when it depends on data that are not there.
std::int64_t updates_of(const TrainingOptions& options, std::size_t batches) {
  if (options.max_steps > 0) return options.max_steps;
  const std::size_t accumulation = options.gradient_accumulation_steps;
  return static_cast<std::int64_t>(
      std::ceil(options.num_train_epochs * static_cast<double>((batches + accumulation - 1) / accumulation)));
}

/// Time by the number of operations, at the share of a matrix product's rate that training reaches.
Json time_estimate(const RunFacts& facts, const TrainingOptions& options, const ParameterLayout& layout,
                   const MemoryPlan& plan) {
  constexpr double kShare = 0.6;
  const double rate = kShare * measured_flops(facts.architecture);
  double flops = 0;
  std::size_t counted = 1, batches = 0;
  if (facts.train != nullptr) {
    const data::Batches all = training_batches(facts, options);
    batches = all.size();
    constexpr std::size_t kSampled = 200;
    const std::size_t stride = std::max<std::size_t>(1, batches / kSampled);
    counted = 0;
    for (std::size_t i = 0; i < batches; i += stride, ++counted)
      flops += training_flops(facts.architecture, layout, plan, shape_of(facts, all[i]));
  } else {
    flops = training_flops(facts.architecture, layout, plan, plan.train);
  }
  const double seconds = flops / static_cast<double>(std::max<std::size_t>(1, counted)) / rate *
                         static_cast<double>(options.gradient_accumulation_steps);
  const std::int64_t updates = updates_of(options, batches);
  Json time = {{"seconds_per_update", seconds}, {"gigaflops_per_second", rate / 1e9}};
  time["updates"] = updates > 0 ? Json(updates) : Json();
  time["training_seconds"] = updates > 0 ? Json(static_cast<double>(updates) * seconds) : Json();
  if (plan.evaluation.sequences > 0)  // the loss alone: a forward pass, a third of a step
    time["evaluation_seconds_per_batch"] =
        training_flops(facts.architecture, layout, plan, plan.evaluation) / 3 / rate;
  return time;
}

Json to_json(const MemoryEstimate& memory) {
  Json phases = Json::array();
  for (const MemoryPhase& phase : memory.phases) {
    Json parts = Json::array();
    for (const MemoryPart& part : phase.parts) parts.push_back({{"name", part.name}, {"bytes", part.bytes}});
    phases.push_back({{"name", phase.name}, {"bytes", phase.total_bytes()}, {"parts", std::move(parts)}});
  }
  return phases;
}

Result<Json> estimate_json(const RunFacts& facts, const TrainingOptions& options) {
  EPICRISIS_ASSIGN_OR_RETURN(const ParameterLayout layout,
                             trained_layout(facts.architecture, options.trained));
  EPICRISIS_ASSIGN_OR_RETURN(const std::int64_t limit, memory_limit(options.max_memory));
  const MemoryPlan plan = memory_plan(facts, options);
  const MemoryEstimate memory = estimate_memory(facts.architecture, layout, plan);
  const bool fits = memory.peak().total_bytes() <= limit;
  return Json{
      {"parameters", layout.total()},
      {"trained_parameters", layout.trained_total()},
      {"lengths", facts.train != nullptr ? "of the data" : "the longest the options allow"},
      {"largest_batch",
       {{"sequences", plan.train.sequences},
        {"source_tokens", plan.train.source_tokens},
        {"target_tokens", plan.train.target_tokens}}},
      {"memory_limit_bytes", limit},
      {"peak_bytes", memory.peak().total_bytes()},
      {"peak_phase", memory.peak().name},
      {"phases", to_json(memory)},
      {"time", time_estimate(facts, options, layout, plan)},
      {"fits", fits},
      {"options_that_fit", fits ? std::vector<std::string>() : options_that_fit(facts, options, limit)}};
}

std::int64_t weight_bytes(const fs::path& model) {
  const auto files = find_weight_files(model);
  const auto names = files ? list_weight_files(*files) : Result<std::vector<std::string>>(files.error());
  std::int64_t bytes = 0;
  if (!names) return 0;
  for (const std::string& name : *names) {
    std::error_code failure;
    const auto size = fs::file_size(model / name, failure);
    if (!failure) bytes += static_cast<std::int64_t>(size);
  }
  return bytes;
}

}  // namespace

Result<Json> dry_run(const TrainingOptions& options, TrainingObserver& observer) {
  RunFacts facts;
  const bool has_weights = options.model.empty() || find_weight_files(options.model).has_value();
  if (has_weights && (!options.train_files.empty() || !options.prepared_data.empty())) {
    // What is tokenized, and the lists of rows, are gone when this ends.
    EPICRISIS_ASSIGN_OR_RETURN(const TemporaryDirectory scratch, TemporaryDirectory::create());
    TrainingOptions own = options;
    own.output_dir = scratch.path();
    EPICRISIS_ASSIGN_OR_RETURN(const TrainingSetup setup, prepare_training(own, observer));
    facts = {setup.start.architecture, setup.train.get(), setup.validation.examples.get(),
             options.model.empty() ? 0 : weight_bytes(options.model), resident_bytes()};
    return estimate_json(facts, options);
  }
  if (options.model.empty())
    return Error{ErrorCode::kInvalidArgument,
                 "Give --model-name-or-path, or --tokenizer and --train-file of a new model, to estimate.",
                 {}};
  EPICRISIS_ASSIGN_OR_RETURN(const Json config, read_json_file(options.model / "config.json"));
  EPICRISIS_ASSIGN_OR_RETURN(facts.architecture, read_architecture(config));
  facts.process_bytes = resident_bytes();
  EPICRISIS_ASSIGN_OR_RETURN(const ParameterLayout layout, ParameterLayout::create(facts.architecture));
  facts.checkpoint_bytes =
      has_weights ? weight_bytes(options.model) : layout.total() * static_cast<std::int64_t>(sizeof(float));
  return estimate_json(facts, options);
}

std::string describe_dry_run(const Json& estimate) {
  const auto size = [](const Json& bytes) { return gibibytes(bytes.get<std::int64_t>()); };
  std::string text = fmt::format(
      "Parameters: {} ({} trained). Largest batch: {} sequences, {} source and {} target tokens ({}).\n",
      estimate["parameters"].get<std::int64_t>(), estimate["trained_parameters"].get<std::int64_t>(),
      estimate["largest_batch"]["sequences"].get<std::int64_t>(),
      estimate["largest_batch"]["source_tokens"].get<std::int64_t>(),
      estimate["largest_batch"]["target_tokens"].get<std::int64_t>(), estimate["lengths"].get<std::string>());
  for (const Json& phase : estimate["phases"]) {
    std::vector<std::string> parts;
    for (const Json& part : phase["parts"])
      if (part["bytes"].get<std::int64_t>() > 0)
        parts.push_back(fmt::format("{} {}", part["name"].get<std::string>(), size(part["bytes"])));
    text += fmt::format("{:<11} {:>11}  {}\n", phase["name"].get<std::string>(), size(phase["bytes"]),
                        fmt::join(parts, ", "));
  }
  const Json& time = estimate["time"];
  text += fmt::format("Time: about {:.2f} s an update", time["seconds_per_update"].get<double>());
  if (!time["training_seconds"].is_null())
    text += fmt::format(", {} updates, {:.1f} minutes without evaluation",
                        time["updates"].get<std::int64_t>(), time["training_seconds"].get<double>() / 60);
  text += fmt::format(".\nPeak: {} while {}; there are {}. {}\n", size(estimate["peak_bytes"]),
                      estimate["peak_phase"].get<std::string>(), size(estimate["memory_limit_bytes"]),
                      estimate["fits"].get<bool>() ? "It fits." : "It does not fit.");
  for (const Json& change : estimate["options_that_fit"])
    text += fmt::format("Would fit: {}\n", change.get<std::string>());
  return text;
}

}  // namespace epicrisis::train
