#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "jobs/worker_process.hpp"

namespace epicrisis::api {

/// How workers are started on this machine.
struct WorkerSettings {
  std::filesystem::path program;  ///< `epicrisis`.
  int threads = 0;       ///< That one worker computes with; 0: all processors shared by the instances.
  int queue_size = 256;  ///< Requests that may wait in one worker.
};

/// The environment of a child: a plain base, and of what the user set the names that workers and trainers
/// read. A name like LD_PRELOAD would run code, so it does not get through.
std::vector<std::pair<std::string, std::string>> child_environment(
    const std::map<std::string, std::string>& of_user);

/// A worker over `container` (Image, Environment) whose model data was unpacked into `folder`; empty: there
/// is none, and HF_MODEL_ID of the environment names a model of the hub. `instances` share the processors.
/// Errors: kInvalidArgument when neither names a model.
Result<jobs::WorkerSpec> make_worker_spec(const WorkerSettings& settings, const Json& container,
                                          const std::filesystem::path& folder, int instances);

}  // namespace epicrisis::api
