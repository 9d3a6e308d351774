#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "api/sagemaker/training_folder.hpp"
#include "base/json.hpp"
#include "jobs/job_queue.hpp"
#include "jobs/process_run.hpp"
#include "storage/resources/resource_store.hpp"

namespace epicrisis::api {

struct TrainingSettings {
  std::filesystem::path folder;   ///< Running jobs lie in it, one folder each.
  std::filesystem::path program;  ///< `epicrisis-train`.
  std::size_t at_once = 1;
  std::uint64_t memory_bytes = 2ULL << 30;  ///< What a job is taken to need beside others.
};

/// Training jobs: each is the trainer as a process of its own over a folder like /opt/ml. A job's document is
/// the request with what Describe adds. Thread-safe; calls may block.
class TrainingService {
 public:
  using Lines =
      std::function<void(const std::string& group, const std::string& stream, std::string_view line)>;

  /// All outlive the service.
  TrainingService(storage::ResourceStore& resources, storage::ObjectStore& objects, jobs::ControlLoop& loop,
                  TrainingSettings settings, Lines lines);

  /// Errors: kConflict when there is a job of that name.
  Result<void> create(const std::string& name, Json document, const std::map<std::string, std::string>& tags);
  /// Errors: kInvalidArgument when the job has ended.
  Result<void> stop(const storage::Resource& job);
  /// Goes on with the jobs that ran before a restart.
  Result<void> restore();
  /// Lets running trainers write what they have and ends them; they go on after the next start.
  void shut_down() { queue_.stop(); }

 private:
  struct Run;
  void submit(const storage::Resource& job);
  void run(const std::string& name, storage::Microseconds created_us, const jobs::JobStop& stop);
  Result<void> prepare(Run& run, const jobs::JobStop& stop);
  Result<jobs::ProcessRun> train(Run& run, const jobs::JobStop& stop);
  void conclude(Run& run, const jobs::ProcessRun& process);
  void fail(const Run& run, const std::string& reason);
  /// Moves the job on; false when it is gone.
  bool transition(const Run& run, std::string_view status, std::string_view secondary,
                  std::string_view message, const std::function<void(Json&)>& edit = {});

  storage::ResourceStore& resources_;
  storage::ObjectStore& objects_;
  jobs::ControlLoop& loop_;
  const TrainingSettings settings_;
  const Lines lines_;
  jobs::JobQueue queue_;
};

/// Adds an entry to SecondaryStatusTransitions and closes the one before.
void add_transition(Json& document, std::string_view secondary, std::string_view message, double time);

/// Bytes of memory that programs may still take (MemAvailable of /proc/meminfo).
std::uint64_t available_memory_bytes();

}  // namespace epicrisis::api
