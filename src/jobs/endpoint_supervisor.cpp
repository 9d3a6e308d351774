#include "jobs/endpoint_supervisor.hpp"

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <utility>

#include "base/log.hpp"

namespace epicrisis::jobs {
namespace net = boost::asio;

namespace {

using Refusal = EndpointSupervisor::Refusal;

net::awaitable<void> run_invocation(std::shared_ptr<Endpoint> endpoint, std::string variant,
                                    std::shared_ptr<const WorkerRequest> request, CallLimits limits,
                                    VariantSink sink, EndpointSupervisor::Done done) {
  VariantReply reply =
      co_await endpoint->send(std::move(variant), std::move(request), std::move(limits), std::move(sink));
  const Refusal refusal = reply.variant.empty() ? Refusal::kUnknownVariant : Refusal::kNone;
  done(refusal, std::move(reply));
}

VariantReply nothing() { return {"", Error{ErrorCode::kNotFound, "There is no such endpoint.", ""}}; }

}  // namespace

EndpointSupervisor::EndpointSupervisor(ControlLoop& loop, Lines lines)
    : loop_(loop), lines_(std::move(lines)) {}

EndpointSupervisor::~EndpointSupervisor() = default;

std::shared_ptr<Endpoint> EndpointSupervisor::find(const std::string& name) const {
  const auto found = endpoints_.find(name);
  return found == endpoints_.end() ? nullptr : found->second;
}

void EndpointSupervisor::deploy(const std::string& name, Prepare prepare, Settled settled, bool restart) {
  loop_.post([this, name, prepare = std::move(prepare), settled = std::move(settled), restart] {
    std::shared_ptr<Endpoint> endpoint = find(name);
    if (!endpoint) {
      const auto on_line = [this, name](std::string_view line) { lines_(name, line); };
      endpoint = std::make_shared<Endpoint>(loop_.executor(), on_line);
      if (restart) endpoint->expect_restart();
      endpoints_[name] = endpoint;
    }
    loop_.post_blocking([this, name, endpoint, prepare, settled] {
      auto variants = std::make_shared<Result<std::vector<VariantSpec>>>(prepare());
      loop_.post([this, name, endpoint, settled, variants] {
        if (find(name) != endpoint) {
          return settled(Error{ErrorCode::kCancelled, "The endpoint was deleted.", ""});
        }
        if (!*variants) {
          endpoint->give_up_restart();
          return settled(std::move(*variants).error());
        }
        endpoint->deploy(std::move(**variants), settled);
      });
    });
  });
}

void EndpointSupervisor::change(const std::string& name, std::vector<VariantChange> changes,
                                Settled settled) {
  loop_.post([this, name, changes = std::move(changes), settled = std::move(settled)] {
    if (const auto endpoint = find(name)) return endpoint->change(changes, settled);
    settled(Error{ErrorCode::kNotFound, "There is no such endpoint.", ""});
  });
}

void EndpointSupervisor::remove(const std::string& name, std::function<void()> gone) {
  loop_.post([this, name, gone = std::move(gone)] {
    const auto endpoint = find(name);
    if (!endpoint) return gone();
    endpoints_.erase(name);
    endpoint->remove([endpoint, gone] { gone(); });
  });
}

std::vector<VariantState> EndpointSupervisor::variants(const std::string& name) {
  return loop_.call([this, &name] {
    const auto endpoint = find(name);
    return endpoint ? endpoint->variants() : std::vector<VariantState>();
  });
}

void EndpointSupervisor::invoke(std::string name, std::string variant,
                                std::shared_ptr<const WorkerRequest> request, CallLimits limits,
                                VariantSink sink, Done done) {
  auto work = [this, name = std::move(name), variant = std::move(variant), request = std::move(request),
               limits = std::move(limits), sink = std::move(sink), done = std::move(done)]() mutable {
    const auto endpoint = find(name);
    if (!endpoint) return done(Refusal::kUnknownEndpoint, nothing());
    if (!endpoint->is_serving() && !endpoint->is_restarting()) return done(Refusal::kNotServing, nothing());
    auto running = run_invocation(endpoint, std::move(variant), std::move(request), std::move(limits),
                                  std::move(sink), std::move(done));
    net::co_spawn(loop_.executor(), std::move(running), [](std::exception_ptr failure) {
      if (failure) log::error("endpoint.invocation_failed");
    });
  };
  loop_.post(std::move(work));
}

}  // namespace epicrisis::jobs
