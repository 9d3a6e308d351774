#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/files.hpp"
#include "base/result.hpp"
#include "bench/bench_options.hpp"
#include "engine/engine.hpp"
#include "engine/machine_limits.hpp"
#include "hub/model_reference.hpp"

namespace epicrisis::bench {

/// A loaded model, and what the machine that runs it does at most.
struct BenchModel {
  std::string name;
  MachineLimits limits;
  double load_seconds = 0;  ///< From its files, with what an earlier load kept beside them.
  std::shared_ptr<const Engine> engine;
  std::optional<ModelFolder> folder;              ///< Of a model reference.
  std::optional<TemporaryDirectory> made_folder;  ///< Of a shape.
};

/// Measures the machine, finds the model or makes one of random weights in a temporary folder, loads it once
/// in a process of its own, so that what is kept for later loads is there, and loads it again here: memory
/// and time of that load are those of every later process. `threads` is resolved, at least one. To be called
/// while the process has one thread. Errors: kInvalidArgument for an unknown shape; what resolve_model(),
/// load_checkpoint() and Engine::load() report.
Result<BenchModel> prepare_model(const BenchOptions& options, int threads);

}  // namespace epicrisis::bench
