#include "jobs/endpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <numeric>
#include <utility>

namespace epicrisis::jobs {
namespace net = boost::asio;

namespace {

constexpr std::array<std::pair<EndpointStatus, std::string_view>, 8> kStatusNames = {{
    {EndpointStatus::kCreating, "Creating"},
    {EndpointStatus::kInService, "InService"},
    {EndpointStatus::kUpdating, "Updating"},
    {EndpointStatus::kRollingBack, "RollingBack"},
    {EndpointStatus::kSystemUpdating, "SystemUpdating"},
    {EndpointStatus::kOutOfService, "OutOfService"},
    {EndpointStatus::kDeleting, "Deleting"},
    {EndpointStatus::kFailed, "Failed"},
}};

/// Calls `done` with the first Error, or with success, after `count` outcomes.
class Countdown {
 public:
  Countdown(std::size_t count, Endpoint::Settled done) : left_(count), done_(std::move(done)) {}
  void take(Result<void> outcome) {
    if (!outcome && outcome_) outcome_ = std::move(outcome);
    if (--left_ == 0) done_(std::move(outcome_));
  }

 private:
  std::size_t left_;
  Result<void> outcome_;
  Endpoint::Settled done_;
};

Error variant_error(const std::string& name, const Error& error) {
  return {error.code, fmt::format("Variant {}: {}", name, error.to_line()), ""};
}

}  // namespace

std::string_view to_string(EndpointStatus status) noexcept {
  for (const auto& [value, name] : kStatusNames) {
    if (value == status) return name;
  }
  return "";
}

std::optional<EndpointStatus> parse_endpoint_status(std::string_view text) noexcept {
  for (const auto& [value, name] : kStatusNames) {
    if (name == text) return value;
  }
  return std::nullopt;
}

/// A set of variants whose workers start.
struct Endpoint::Deployment {
  std::vector<Variant> variants;
  std::size_t unsettled = 0;
  Settled settled;
};

Endpoint::Endpoint(net::any_io_executor executor, std::function<void(std::string_view line)> on_line)
    : executor_(std::move(executor)), on_line_(std::move(on_line)) {}

void Endpoint::deploy(std::vector<VariantSpec> variants, Settled settled) {
  const auto deployment = std::make_shared<Deployment>();
  deployment->settled = std::move(settled);
  deployment->unsettled = variants.size();
  for (VariantSpec& spec : variants) {
    auto pool = std::make_shared<WorkerPool>(executor_, std::move(spec.pool), on_line_);
    deployment->variants.push_back({std::move(spec.name), spec.weight, 0, std::move(pool)});
  }
  deployment_ = deployment;
  const std::weak_ptr<Endpoint> weak = weak_from_this();
  for (const Variant& variant : deployment->variants) {
    variant.pool->start(
        [weak, started = std::weak_ptr(deployment), name = variant.name](Result<void> outcome) {
          const auto self = weak.lock();
          const auto current = started.lock();
          if (self && current) self->variant_settled(current, name, std::move(outcome));
        });
  }
}

void Endpoint::variant_settled(const std::shared_ptr<Deployment>& deployment, const std::string& name,
                               Result<void> outcome) {
  if (deployment_ != deployment) return;  // given up already
  if (!outcome) {
    deployment_ = nullptr;
    kill_and_retire(*deployment);
    give_up_restart();
    return deployment->settled(variant_error(name, outcome.error()));
  }
  if (--deployment->unsettled > 0) return;
  deployment_ = nullptr;
  for (const Variant& variant : std::exchange(serving_, std::move(deployment->variants)))
    retire(variant.pool);
  give_up_restart();
  deployment->settled({});
}

void Endpoint::change(std::vector<VariantChange> changes, Settled settled) {
  const auto countdown = std::make_shared<Countdown>(changes.size(), std::move(settled));
  for (const VariantChange& change : changes) {
    Variant* variant = nullptr;
    for (Variant& candidate : serving_) {
      if (candidate.name == change.name) variant = &candidate;
    }
    if (variant == nullptr) {
      countdown->take(Error{ErrorCode::kNotFound, "There is no such variant.", ""});
      continue;
    }
    if (change.weight) variant->weight = *change.weight;
    if (!change.instances || *change.instances == variant->pool->wanted_instances()) {
      countdown->take({});
      continue;
    }
    variant->pool->resize(*change.instances, [countdown, name = change.name](Result<void> outcome) {
      countdown->take(outcome ? Result<void>() : Result<void>(variant_error(name, outcome.error())));
    });
  }
}

void Endpoint::remove(std::function<void()> gone) {
  give_up_restart();
  for (const Variant& variant : std::exchange(serving_, {})) retire(variant.pool);
  if (const auto deployment = std::exchange(deployment_, nullptr)) {
    kill_and_retire(*deployment);
    deployment->settled(Error{ErrorCode::kCancelled, "The endpoint was deleted.", ""});
  }
  gone_ = std::move(gone);
  report_gone();
}

/// The pool lives until its last worker ended.
void Endpoint::retire(const std::shared_ptr<WorkerPool>& pool) {
  ++retiring_;
  pool->drain([self = shared_from_this(), pool] {
    --self->retiring_;
    self->report_gone();
  });
}

void Endpoint::kill_and_retire(const Deployment& deployment) {
  for (const Variant& variant : deployment.variants) {
    variant.pool->kill();
    retire(variant.pool);
  }
}

void Endpoint::report_gone() {
  if (retiring_ == 0 && gone_) std::exchange(gone_, nullptr)();
}

bool Endpoint::has_variant(std::string_view name) const noexcept {
  return std::any_of(serving_.begin(), serving_.end(),
                     [name](const Variant& variant) { return variant.name == name; });
}

std::vector<VariantState> Endpoint::variants() const {
  std::vector<VariantState> states;
  for (const Variant& variant : serving_) {
    states.push_back({variant.name, variant.weight, variant.pool->ready_instances(),
                      variant.pool->wanted_instances(), variant.pool->in_flight(),
                      variant.pool->is_unloaded(), variant.pool->last_used(), variant.pool->pids()});
  }
  return states;
}

/// Smooth weighted round robin: each variant gains its weight in credit, the richest serves and pays the sum.
/// Shares are exact over any run of requests as long as the weights' least common denominator.
Endpoint::Variant* Endpoint::choose(std::string_view name) {
  Variant* chosen = nullptr;
  if (!name.empty()) {
    for (Variant& variant : serving_) {
      if (variant.name == name) chosen = &variant;
    }
    return chosen;
  }
  const double total =
      std::accumulate(serving_.begin(), serving_.end(), 0.0,
                      [](double sum, const Variant& variant) { return sum + variant.weight; });
  for (Variant& variant : serving_) {
    variant.credit += variant.weight;
    if (variant.weight == 0 && total > 0) continue;
    if (chosen == nullptr || variant.credit > chosen->credit) chosen = &variant;
  }
  if (chosen != nullptr) chosen->credit -= total;
  return chosen;
}

void Endpoint::give_up_restart() {
  restoring_ = false;
  notify_waiting();
}

void Endpoint::notify_waiting() {
  for (net::steady_timer* timer : waiting_) timer->cancel();
}

net::awaitable<void> Endpoint::restored(CallLimits limits) {
  net::steady_timer timer(executor_, limits.deadline);
  waiting_.push_back(&timer);
  co_await timer.async_wait(net::as_tuple(net::use_awaitable));
  std::erase(waiting_, &timer);
}

net::awaitable<VariantReply> Endpoint::send(std::string variant, std::shared_ptr<const WorkerRequest> request,
                                            CallLimits limits, VariantSink sink) {
  const auto self = shared_from_this();
  const bool waits = restoring_;
  if (waits) co_await restored(limits);
  const Variant* chosen = choose(variant);
  if (chosen == nullptr) {
    VariantReply none{"", Error{ErrorCode::kNotFound, "The endpoint has no such variant.", ""}};
    co_return none;
  }
  const std::shared_ptr<WorkerPool> pool = chosen->pool;
  VariantReply answer{chosen->name, Error{}};
  PartSink parts;
  if (sink) {
    parts = [&name = answer.variant, &sink](const WorkerReply& head, std::string_view part) {
      return sink(name, head, part);
    };
  }
  answer.reply = co_await pool->send(std::move(request), std::move(limits), std::move(parts));
  co_return answer;
}

}  // namespace epicrisis::jobs
