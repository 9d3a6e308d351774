#pragma once

#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "api/sagemaker/transform_input.hpp"
#include "api/sagemaker/transform_plan.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "jobs/endpoint_supervisor.hpp"

namespace epicrisis::storage {
class ObjectStore;
}

namespace epicrisis::api {

class PartFile;

/// How far a transform job came; all up to here is on disk.
struct TransformProgress {
  std::string done_up_to;  ///< The last key that is finished, in byte order.
  std::string object;      ///< The key being read; empty: none.
  std::string etag;        ///< Of its version.
  std::uint64_t input_offset = 0;
  std::uint64_t output_bytes = 0;
  std::uint64_t object_records = 0;
  std::uint64_t objects_done = 0;
  std::uint64_t objects_failed = 0;
  std::uint64_t records_done = 0;
  std::string failure;  ///< Of the first object that failed.

  Json to_json() const;
  static TransformProgress of(const Json& json);
};

/// Sends the objects of a transform job through its worker, in order of their keys. The results of one object
/// grow in a file and become an object once they are whole. Call from a thread that may block.
class TransformRun {
 public:
  /// Remembers how far the run came.
  using Checkpoint = std::function<void(const TransformProgress& progress)>;

  /// `endpoint` serves the model; `part_file` holds the results of the object being read. All outlive it.
  TransformRun(const TransformPlan& plan, storage::ObjectStore& objects, jobs::EndpointSupervisor& supervisor,
               std::string endpoint, std::filesystem::path part_file, TransformProgress progress,
               Checkpoint checkpoint, std::stop_token stop);
  ~TransformRun();

  /// To the end of the input. Errors: kNotFound when there is none, kCancelled when it was stopped; failures
  /// of records are in progress(), not here.
  Result<void> run();
  const TransformProgress& progress() const noexcept { return progress_; }

 private:
  struct Pending;
  Result<void> transform_object(const std::string& key);
  Result<void> transform_records(TransformInput& input, PartFile& part);
  Result<void> publish(const std::string& key);
  void fail_object(const std::string& reason);
  Result<std::shared_ptr<Pending>> send(TransformBatch batch);
  void dispatch(const std::shared_ptr<Pending>& pending);
  Result<void> write_result(const std::shared_ptr<Pending>& pending, PartFile& part);
  Result<std::string> answer_of(const std::shared_ptr<Pending>& pending);
  void drop(std::deque<std::shared_ptr<Pending>>& pending);
  Error where(const Error& error, std::size_t requests_before) const;

  const TransformPlan& plan_;
  storage::ObjectStore& objects_;
  jobs::EndpointSupervisor& supervisor_;
  const std::string endpoint_;
  const std::filesystem::path part_file_;
  TransformProgress progress_;
  const Checkpoint checkpoint_;
  const std::stop_token stop_;
};

}  // namespace epicrisis::api
