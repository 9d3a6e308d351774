#include "api/aws/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace epicrisis::api::aws {

struct Metrics::State {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& requests = prometheus::BuildCounter()
                                                          .Name("epicrisis_requests_total")
                                                          .Help("Requests answered")
                                                          .Register(registry);
  prometheus::Family<prometheus::Histogram>& seconds = prometheus::BuildHistogram()
                                                           .Name("epicrisis_request_seconds")
                                                           .Help("Time from a request's head to its answer's")
                                                           .Register(registry);
  prometheus::Gauge& in_flight = prometheus::BuildGauge()
                                     .Name("epicrisis_requests_in_flight")
                                     .Help("Requests being worked on")
                                     .Register(registry)
                                     .Add({});
};

Metrics::Metrics() : state_(std::make_unique<State>()) {}
Metrics::~Metrics() = default;

void Metrics::count(std::string_view service, std::string_view operation, int status, double seconds) {
  state_->requests
      .Add({{"service", std::string(service)},
            {"operation", std::string(operation)},
            {"status", std::to_string(status)}})
      .Increment();
  const prometheus::Histogram::BucketBoundaries bounds = {0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60};
  state_->seconds.Add({{"service", std::string(service)}}, bounds).Observe(seconds);
}

void Metrics::begin() { state_->in_flight.Increment(); }
void Metrics::end() { state_->in_flight.Decrement(); }
prometheus::Registry& Metrics::registry() { return state_->registry; }

std::string Metrics::text() const {
  return prometheus::TextSerializer().Serialize(state_->registry.Collect());
}

}  // namespace epicrisis::api::aws
