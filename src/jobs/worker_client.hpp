#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clinical_text.hpp"
#include "base/result.hpp"

namespace epicrisis::jobs {

/// Header fields in order. Values hold no line ends.
using HeaderFields = std::vector<std::pair<std::string, std::string>>;

/// What a worker is asked.
struct WorkerRequest {
  std::string method = "POST";
  std::string target = "/invocations";
  HeaderFields fields;  ///< Without Host and Content-Length.
  ClinicalText body;
};

/// What a worker answered.
struct WorkerReply {
  int status = 0;
  HeaderFields fields;
  ClinicalText body;  ///< Empty when the parts went to a sink.

  /// The first value of a field, whatever the case of its name.
  std::optional<std::string_view> find(std::string_view name) const;
};

/// Takes the parts of an answer as they arrive; `head` is the reply without its body. False ends the request.
using PartSink = std::function<bool(const WorkerReply& head, std::string_view part)>;

/// How long and for whom a worker is waited for.
struct CallLimits {
  std::chrono::steady_clock::time_point deadline;
  std::stop_token stop{};                       ///< The caller left.
  std::uint64_t max_reply_bytes = 64ULL << 20;  ///< Of a body that is collected.
};

/// HTTP/1.1 to one worker on 127.0.0.1 over kept connections. All calls on one thread, the executor's.
class WorkerClient : public std::enable_shared_from_this<WorkerClient> {
 public:
  WorkerClient(boost::asio::any_io_executor executor, std::uint16_t port);
  WorkerClient(const WorkerClient&) = delete;
  WorkerClient& operator=(const WorkerClient&) = delete;
  ~WorkerClient();

  /// One request and its answer, whatever its status; with a `sink` the body goes there part by part. A kept
  /// connection that the worker closed meanwhile is replaced. Errors: kUnavailable when the worker ended or
  /// cannot be reached, kDeadlineExceeded, kCancelled, kCorrupt for what is no HTTP, kResourceExhausted for
  /// an answer past the limit.
  boost::asio::awaitable<Result<WorkerReply>> send(std::shared_ptr<const WorkerRequest> request,
                                                   CallLimits limits, PartSink sink = {});
  /// Drops kept connections, so that the worker can end.
  void close_idle();

 private:
  struct Connection;
  struct Outcome;
  boost::asio::awaitable<Outcome> exchange(Connection& connection, const WorkerRequest& request,
                                           const CallLimits& limits, const PartSink& sink);
  boost::asio::awaitable<Outcome> read_reply(Connection& connection, const CallLimits& limits,
                                             const PartSink& sink);
  std::shared_ptr<Connection> take_idle();

  const boost::asio::any_io_executor executor_;
  const std::uint16_t port_;
  std::vector<std::shared_ptr<Connection>> idle_;
};

}  // namespace epicrisis::jobs
