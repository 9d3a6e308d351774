#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace prometheus {
class Registry;
}

namespace epicrisis::api::aws {

/// What /metrics shows, in Prometheus' text format. Labels are machine-made names only. Thread-safe.
class Metrics {
 public:
  Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;
  ~Metrics();

  /// One answered request: epicrisis_requests_total{service,operation,status} and
  /// epicrisis_request_seconds{service}.
  void count(std::string_view service, std::string_view operation, int status, double seconds);
  void begin();  ///< epicrisis_requests_in_flight
  void end();
  /// Where other parts add metrics of their own.
  prometheus::Registry& registry();
  std::string text() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace epicrisis::api::aws
