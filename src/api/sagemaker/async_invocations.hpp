#pragma once

#include <deque>
#include <mutex>
#include <string>

#include "api/sagemaker/identity.hpp"
#include "jobs/endpoint_supervisor.hpp"
#include "server/handler.hpp"
#include "storage/resources/resource_store.hpp"

namespace epicrisis::storage {
class ObjectStore;
}

namespace epicrisis::api {

/// InvokeEndpointAsync: an accepted request is a resource until its result is written, so it survives a
/// restart. Thread-safe.
class AsyncInvocations {
 public:
  struct Settings {
    std::size_t at_once = 4;
    std::uint64_t max_input_bytes = 64ULL << 20;
  };

  /// All outlive this object.
  AsyncInvocations(storage::ResourceStore& resources, storage::ObjectStore& objects, jobs::ControlLoop& loop,
                   jobs::EndpointSupervisor& supervisor, Settings settings)
      : resources_(resources), objects_(objects), loop_(loop), supervisor_(supervisor), settings_(settings) {}

  /// Takes a request and answers 202, or says why not. Does not block.
  void accept(const std::string& endpoint, const server::Request& request, const server::Responder& responder,
              const AwsScope& scope);
  /// Goes on with what was accepted before a restart.
  Result<void> restore();

 private:
  server::Response accept_now(const std::string& endpoint, const Json& invocation, const AwsScope& scope);
  void enqueue(storage::Resource invocation);
  void start_next();
  void run(const storage::Resource& invocation);
  void finish(const storage::Resource& invocation, jobs::EndpointSupervisor::Refusal refusal,
              const jobs::VariantReply& answer);
  void write_outcome(const storage::Resource& invocation, bool success, const std::string& content_type,
                     const std::string& body);
  void end_one();

  storage::ResourceStore& resources_;
  storage::ObjectStore& objects_;
  jobs::ControlLoop& loop_;
  jobs::EndpointSupervisor& supervisor_;
  const Settings settings_;
  std::mutex mutex_;
  std::deque<storage::Resource> waiting_;  // guarded by mutex_
  std::size_t running_ = 0;                // guarded by mutex_
};

}  // namespace epicrisis::api
