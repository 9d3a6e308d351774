#include "server/server.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <csignal>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "server/detail/connection.hpp"

namespace epicrisis::server {

namespace net = boost::asio;
using boost::system::error_code;
using net::ip::tcp;

namespace {

constexpr auto kAwait = net::as_tuple(net::use_awaitable);
constexpr std::size_t kFilesForOthers = 64;  // model files, logs, the listening socket

Error endpoint_error(std::string_view detail) {
  return {ErrorCode::kInvalidArgument,
          "An address to listen on is ADDR:PORT with a numeric address, such as 127.0.0.1:8080.",
          std::string(detail)};
}

Error listen_error(const Endpoint& endpoint, const error_code& failure) {
  ErrorCode code = ErrorCode::kInvalidArgument;
  if (failure == net::error::address_in_use) code = ErrorCode::kConflict;
  if (failure == net::error::access_denied) code = ErrorCode::kPermissionDenied;
  return {code, fmt::format("Cannot listen on {}: {}.", endpoint.to_string(), failure.message()), ""};
}

Response plain_error(int status, std::string_view message) {
  return {status, "text/plain; charset=utf-8", {}, ClinicalText(std::string(message) + "\n")};
}

/// Every connection is an open file: asks for as many as allowed and returns how many connections fit.
std::size_t connections_that_fit(std::size_t wanted) {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return wanted;
  const rlim_t needed = wanted + kFilesForOthers;
  if (files.rlim_cur < needed) {
    files.rlim_cur = std::min<rlim_t>(needed, files.rlim_max);
    setrlimit(RLIMIT_NOFILE, &files);
    getrlimit(RLIMIT_NOFILE, &files);
  }
  if (files.rlim_cur >= needed) return wanted;
  const std::size_t fit =
      files.rlim_cur > 2 * kFilesForOthers ? files.rlim_cur - kFilesForOthers : kFilesForOthers;
  log::warning("http.few_open_files", {{"wanted_connections", wanted}, {"max_connections", fit}});
  return fit;
}

}  // namespace

bool Endpoint::is_loopback() const {
  error_code failure;
  const auto parsed = net::ip::make_address(address, failure);
  return !failure && parsed.is_loopback();
}

std::string Endpoint::to_string() const {
  return address.find(':') == std::string::npos ? fmt::format("{}:{}", address, port)
                                                : fmt::format("[{}]:{}", address, port);
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return endpoint_error("the port is missing");
  std::string_view address = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  Endpoint endpoint;
  const auto [end, failure] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
  if (failure != std::errc() || end != port.data() + port.size())
    return endpoint_error("the port is no number up to 65535");
  const bool bracketed = address.size() > 2 && address.front() == '[' && address.back() == ']';
  if (bracketed) address = address.substr(1, address.size() - 2);
  if (address.empty() || address == "localhost") return endpoint;
  error_code unreadable;
  const auto parsed = net::ip::make_address(address, unreadable);
  if (unreadable || parsed.is_v6() != bracketed) return endpoint_error("the address cannot be read");
  endpoint.address = parsed.to_string();
  return endpoint;
}

/// Accepts connections and ends them; its own state belongs to strand_.
class Server::Listener {
 public:
  Listener(ServerOptions options, Router router)
      : options_(std::move(options)),
        strand_(net::make_strand(io_)),
        acceptor_(strand_),
        signals_(strand_),
        grace_(strand_),
        pause_(strand_) {
    context_.limits = options_.limits;
    context_.limits.max_connections = connections_that_fit(options_.limits.max_connections);
    context_.router = std::move(router);
    context_.error_response = options_.error_response ? options_.error_response : plain_error;
  }

  Result<void> bind();
  void run();
  void shutdown() {
    net::post(strand_, [this] { drain(); });
  }
  void shutdown_now() {
    net::post(strand_, [this] { end(); });
  }
  const Endpoint& endpoint() const noexcept { return options_.endpoint; }

 private:
  net::awaitable<void> accept();
  void admit(tcp::socket socket);
  void await_signal();
  void drain();
  void end();
  void let_go();

  ServerOptions options_;
  detail::ServerContext context_;  // outlives io_, whose connections use it
  net::io_context io_;
  net::strand<net::io_context::executor_type> strand_;
  tcp::acceptor acceptor_;
  net::signal_set signals_;
  net::steady_timer grace_;
  net::steady_timer pause_;
};

Result<void> Server::Listener::bind() {
  Endpoint& endpoint = options_.endpoint;
  if (options_.tls) {
    EPICRISIS_ASSIGN_OR_RETURN(context_.tls,
                               detail::make_tls_context(options_.tls->certificate, options_.tls->key));
  }
  error_code failure;
  const auto address = net::ip::make_address(endpoint.address, failure);
  if (failure) return endpoint_error("the address cannot be read");
  const tcp::endpoint local(address, endpoint.port);
  acceptor_.open(local.protocol(), failure);
  if (!failure) acceptor_.set_option(net::socket_base::reuse_address(true), failure);
  if (!failure) acceptor_.bind(local, failure);
  if (!failure) acceptor_.listen(net::socket_base::max_listen_connections, failure);
  if (failure) return listen_error(endpoint, failure);
  endpoint.port = acceptor_.local_endpoint(failure).port();
  if (failure) return listen_error(endpoint, failure);
  // From here on, not from run(): a signal that comes while the caller gets ready must not be lost.
  if (options_.shutdown_on_signals) {
    signals_.add(SIGTERM, failure);
    if (!failure) signals_.add(SIGINT, failure);
    if (failure) return Error{ErrorCode::kInternal, "Cannot install signal handlers.", failure.message()};
    await_signal();
  }
  return {};
}

void Server::Listener::run() {
  net::co_spawn(strand_, accept(), [](std::exception_ptr failure) {
    if (failure) log::error("http.accept_failed");
  });
  std::vector<std::jthread> others;
  for (std::size_t i = 1; i < options_.io_threads; ++i) others.emplace_back([this] { io_.run(); });
  io_.run();
}

net::awaitable<void> Server::Listener::accept() {
  while (acceptor_.is_open()) {
    auto [failure, socket] = co_await acceptor_.async_accept(net::make_strand(io_), kAwait);
    if (!failure) {
      admit(tcp::socket(std::move(socket)));
      continue;
    }
    if (!acceptor_.is_open()) break;
    // Out of files or memory: room comes as connections end.
    log::warning("http.accept_refused", {{"errno", failure.value()}});
    if (auto session = context_.sessions.take_longest_waiting()) session->close();
    pause_.expires_after(std::chrono::milliseconds(50));
    co_await pause_.async_wait(kAwait);
  }
}

void Server::Listener::admit(tcp::socket socket) {
  bool refuse = false;
  if (context_.sessions.size() >= context_.limits.max_connections) {
    auto waiting = context_.sessions.take_longest_waiting();
    log::warning("http.connections_full", {{"evicted", waiting != nullptr}});
    if (waiting) {
      waiting->close();
    } else {
      refuse = true;
    }
  }
  detail::serve_connection(std::move(socket), context_, refuse);
}

void Server::Listener::await_signal() {
  signals_.async_wait([this](error_code failure, int number) {
    if (failure) return;
    log::info("server.signal", {{"number", number}, {"again", context_.draining.load()}});
    if (context_.draining) return end();
    await_signal();
    drain();
  });
}

void Server::Listener::drain() {
  if (context_.draining.exchange(true)) return;
  log::info("server.draining", {{"connections", context_.sessions.size()}});
  error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  grace_.expires_after(context_.limits.shutdown_grace);
  grace_.async_wait([this](error_code failure) {
    if (!failure) end();
  });
  for (const auto& session : context_.sessions.all()) session->finish();
  context_.sessions.when_empty([this] { net::post(strand_, [this] { let_go(); }); });
}

void Server::Listener::end() {
  context_.draining = true;
  error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  for (const auto& session : context_.sessions.all()) session->close();
  let_go();
}

/// Nothing but connections keeps the threads of run() from here on.
void Server::Listener::let_go() {
  grace_.cancel();
  error_code ignored;
  signals_.cancel(ignored);
}

Result<std::unique_ptr<Server>> Server::listen(ServerOptions options, Router router) {
  auto listener = std::make_unique<Listener>(std::move(options), std::move(router));
  EPICRISIS_RETURN_IF_ERROR(listener->bind());
  return std::unique_ptr<Server>(new Server(std::move(listener)));
}

Server::Server(std::unique_ptr<Listener> listener) : listener_(std::move(listener)) {}
Server::~Server() = default;
const Endpoint& Server::endpoint() const noexcept { return listener_->endpoint(); }
void Server::run() { listener_->run(); }
void Server::shutdown() { listener_->shutdown(); }
void Server::shutdown_now() { listener_->shutdown_now(); }

}  // namespace epicrisis::server
