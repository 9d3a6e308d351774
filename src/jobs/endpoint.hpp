#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/worker_pool.hpp"

namespace epicrisis::jobs {

/// SageMaker's states of an endpoint. Processes move it from one to the next, never a timer.
enum class EndpointStatus {
  kCreating,
  kInService,
  kUpdating,
  kRollingBack,
  kSystemUpdating,  ///< Its workers start again after the server did.
  kOutOfService,
  kDeleting,
  kFailed,
};
/// "InService" and so on, as the API spells it.
std::string_view to_string(EndpointStatus status) noexcept;
std::optional<EndpointStatus> parse_endpoint_status(std::string_view text) noexcept;

struct VariantSpec {
  std::string name;
  double weight = 1;
  PoolSpec pool;
};

/// A variant as it is now.
struct VariantState {
  std::string name;
  double weight = 0;
  int ready_instances = 0;
  int wanted_instances = 0;
  int in_flight = 0;
  bool unloaded = false;
  std::chrono::steady_clock::time_point last_used;
  std::vector<pid_t> pids;
};

/// An answer and the variant it came from.
struct VariantReply {
  std::string variant;  ///< Also when `reply` is an Error; empty when none was chosen.
  Result<WorkerReply> reply;
};

/// A PartSink that is also told which variant answers.
using VariantSink =
    std::function<bool(const std::string& variant, const WorkerReply& head, std::string_view part)>;

/// A change of one variant; what is absent stays.
struct VariantChange {
  std::string name;
  std::optional<double> weight;
  std::optional<int> instances;
};

/// The processes behind one endpoint and the share of each variant. An update starts all its workers before
/// the first of the old ones drains, so no request is refused meanwhile. All calls on the executor's one
/// thread.
class Endpoint : public std::enable_shared_from_this<Endpoint> {
 public:
  using Settled = std::function<void(Result<void>)>;

  Endpoint(boost::asio::any_io_executor executor, std::function<void(std::string_view line)> on_line);

  /// Starts the variants' workers beside those that serve. When all are ready they take over and the old
  /// ones drain; when one fails the new ones end and the old ones go on. Errors: kUnavailable, naming the
  /// variant and saying why; kCancelled when the endpoint was removed meanwhile. One at a time.
  void deploy(std::vector<VariantSpec> variants, Settled settled);
  /// Requests wait for the first deployment instead of being refused: the endpoint served before a restart.
  void expect_restart() { restoring_ = true; }
  bool is_restarting() const noexcept { return restoring_; }
  /// The endpoint will not come back; requests that waited are refused.
  void give_up_restart();
  /// Changes weights at once and numbers of workers as WorkerPool::resize() does.
  void change(std::vector<VariantChange> changes, Settled settled);
  /// Ends all workers, those that serve after their requests.
  void remove(std::function<void()> gone);

  bool has_variant(std::string_view name) const noexcept;
  bool is_serving() const noexcept { return !serving_.empty(); }
  std::vector<VariantState> variants() const;
  /// Sends to the variant called `variant`, or when that is empty to one drawn by weight.
  boost::asio::awaitable<VariantReply> send(std::string variant, std::shared_ptr<const WorkerRequest> request,
                                            CallLimits limits, VariantSink sink = {});

 private:
  struct Variant {
    std::string name;
    double weight = 1;
    double credit = 0;  ///< Smooth weighted round robin; see choose().
    std::shared_ptr<WorkerPool> pool;
  };
  struct Deployment;
  void variant_settled(const std::shared_ptr<Deployment>& deployment, const std::string& name,
                       Result<void> outcome);
  Variant* choose(std::string_view name);
  void retire(const std::shared_ptr<WorkerPool>& pool);
  void kill_and_retire(const Deployment& deployment);
  void report_gone();
  void notify_waiting();
  boost::asio::awaitable<void> restored(CallLimits limits);

  const boost::asio::any_io_executor executor_;
  const std::function<void(std::string_view)> on_line_;
  std::vector<Variant> serving_;
  std::shared_ptr<Deployment> deployment_;
  int retiring_ = 0;  ///< Pools whose workers end.
  std::function<void()> gone_;
  bool restoring_ = false;
  std::vector<boost::asio::steady_timer*> waiting_;  ///< One a request that waits for the restart's end.
};

}  // namespace epicrisis::jobs
