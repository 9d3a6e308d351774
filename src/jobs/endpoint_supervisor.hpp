#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/control_loop.hpp"
#include "jobs/endpoint.hpp"

namespace epicrisis::jobs {

/// All endpoints of a server, by name. Thread-safe; callbacks come on the control loop's thread.
class EndpointSupervisor {
 public:
  /// Fetches and checks what the variants need; on a blocking thread.
  using Prepare = std::function<Result<std::vector<VariantSpec>>()>;
  using Settled = std::function<void(Result<void>)>;
  using Lines = std::function<void(const std::string& endpoint, std::string_view line)>;

  /// `loop` outlives this object. `lines` gets what workers write.
  EndpointSupervisor(ControlLoop& loop, Lines lines);
  EndpointSupervisor(const EndpointSupervisor&) = delete;
  EndpointSupervisor& operator=(const EndpointSupervisor&) = delete;
  /// To be called after the loop has stopped.
  ~EndpointSupervisor();

  /// Starts the endpoint called `name`, or updates it when it is there. `settled` as in Endpoint::deploy(),
  /// or with what `prepare` reports. With `restart` requests wait meanwhile.
  void deploy(const std::string& name, Prepare prepare, Settled settled, bool restart = false);
  /// Errors: also kNotFound.
  void change(const std::string& name, std::vector<VariantChange> changes, Settled settled);
  /// `gone` is called when no process is left; at once for an unknown name.
  void remove(const std::string& name, std::function<void()> gone);
  /// The variants that serve; none for an unknown name. Waits for the loop: not from its thread.
  std::vector<VariantState> variants(const std::string& name);

  /// Why a request could not be given to a variant.
  enum class Refusal { kNone, kUnknownEndpoint, kNotServing, kUnknownVariant };
  using Done = std::function<void(Refusal refusal, VariantReply reply)>;
  /// Sends a request to an endpoint; `done` gets the answer.
  void invoke(std::string name, std::string variant, std::shared_ptr<const WorkerRequest> request,
              CallLimits limits, VariantSink sink, Done done);

 private:
  std::shared_ptr<Endpoint> find(const std::string& name) const;

  ControlLoop& loop_;
  const Lines lines_;
  std::map<std::string, std::shared_ptr<Endpoint>> endpoints_;  // the loop's thread alone
};

}  // namespace epicrisis::jobs
