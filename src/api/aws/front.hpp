#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "api/aws/authentication.hpp"
#include "api/aws/call.hpp"
#include "api/aws/metrics.hpp"
#include "api/aws/rate_limiter.hpp"
#include "server/compute_pool.hpp"
#include "server/router.hpp"
#include "storage/audit/audit_log.hpp"

namespace epicrisis::api::aws {

struct FrontOptions {
  std::string account_id = "000000000000";
  double requests_per_second = 1000;  ///< Of one key, on average; 0: no limit.
  double request_burst = 2000;        ///< Of one key at once.
  std::uint64_t max_json_bytes = 4U << 20;
  std::uint64_t max_runtime_bytes = 6'291'456;
  std::function<bool()> is_ready;  ///< What /readyz answers; none: always.
};

/// What S3 makes of a request: its name and what it needs, then its route.
class RestService {
 public:
  struct Operation {
    std::string name;
    Access access = Access::kData;
    /// Makes the route once the caller was found to be allowed. Its handler (or refusal) answers.
    std::function<server::Route(const SharedCall& call, const PayloadCheck& payload)> route;
  };
  virtual ~RestService() = default;
  virtual Operation operation(const server::Request& head) = 0;
};

/// One door for all services: says which service a request is for, who sends it and whether that role may,
/// before its body is read; then hands it to what was registered. Every answer gets a request id, a line in
/// the audit log and a count. Register first, then serve.
class Front {
 public:
  /// All outlive the front. `blocking` runs JSON and query operations.
  Front(FrontOptions options, const storage::KeyStore& keys, storage::AuditLog& audit,
        server::ComputePool& blocking);

  /// `target` as in X-Amz-Target: "SageMaker.CreateModel".
  void add_json(Service service, std::string target, Access access, JsonOperation operation);
  /// `xml_namespace` of the answer.
  void add_query(Service service, std::string action, std::string xml_namespace, Access access,
                 QueryOperation operation);
  void set_runtime(RuntimeHandler handler) { runtime_ = std::move(handler); }
  void set_s3(RestService& service) { s3_ = &service; }

  /// Routes that refer to this object.
  server::Router router();
  Metrics& metrics() noexcept { return metrics_; }

 private:
  struct JsonEntry {
    Service service;
    std::string name;
    Access access;
    JsonOperation run;
  };
  struct QueryEntry {
    Service service;
    std::string xml_namespace;
    Access access;
    QueryOperation run;
  };
  using AnswerMaker = std::function<server::Response(server::Request& request)>;

  server::Route route(const server::Request& head);
  server::Route json_route(const server::Request& head, const SharedCall& call, Authenticated who);
  server::Route query_route(const SharedCall& call, Authenticated who);
  server::Route runtime_route(const server::Request& head, const SharedCall& call, Authenticated who);
  server::Route s3_route(const server::Request& head, const SharedCall& call, const Authenticated& who);
  server::Response run_json(const JsonEntry& entry, const server::Request& request, Call& call) const;
  server::Response run_query(const server::Request& request, Call& call) const;
  server::Route refuse(const SharedCall& call, const Fault& fault);
  server::Route open_route(const server::Request& head);
  server::Handler checked(const SharedCall& call, Authenticated who, AnswerMaker make);
  /// `responder` with request id, audit and metrics.
  server::Responder recorded(const SharedCall& call, server::Responder responder);
  void record(Call& call, server::Response& response, std::chrono::steady_clock::time_point started);

  const FrontOptions options_;
  const storage::KeyStore& keys_;
  storage::AuditLog& audit_;
  server::ComputePool& blocking_;
  RateLimiter limiter_;
  Metrics metrics_;
  std::map<std::string, JsonEntry, std::less<>> json_;
  std::map<std::string, QueryEntry, std::less<>> query_;
  RuntimeHandler runtime_;
  RestService* s3_ = nullptr;
};

}  // namespace epicrisis::api::aws
