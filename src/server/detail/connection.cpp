#include "server/detail/connection.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <exception>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "base/log.hpp"
#include "server/detail/request_check.hpp"
#include "server/detail/response_head.hpp"

namespace epicrisis::server::detail {
namespace {

namespace net = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using std::chrono::milliseconds;

// Expected failures of the peer come back as values.
constexpr auto kAwait = net::as_tuple(net::use_awaitable);

/// One accepted connection. All members but the Session interface belong to the socket's strand.
class Connection final : public Session, public std::enable_shared_from_this<Connection> {
 public:
  Connection(net::ip::tcp::socket socket, ServerContext& context)
      : socket_(std::move(socket)), timer_(socket_.get_executor()), context_(context) {}

  net::awaitable<void> run(bool refuse);
  void finish() override;
  void close() override;

 private:
  /// What one request needs from its first byte to its answer.
  struct Exchange {
    explicit Exchange(ServerContext& context) : reservation(context) {}
    http::request_parser<http::string_body> parser;
    Router::Match match;
    BodyReservation reservation;
    std::uint64_t id = 0;
    std::uint64_t body_bytes = 0;
    bool keep_alive = false;
    Clock::time_point started = Clock::now();
  };

  net::awaitable<bool> wait_for_request();
  net::awaitable<bool> serve();
  net::awaitable<std::optional<Refusal>> read_request(Exchange& exchange);
  net::awaitable<std::optional<Refusal>> read_body(Exchange& exchange, std::uint64_t max_bytes);
  net::awaitable<std::optional<Response>> answer_of_handler(Exchange& exchange);
  net::awaitable<bool> watch_client(bool may_probe);
  net::awaitable<bool> write_all(std::string_view bytes);
  net::awaitable<bool> write_response(Exchange& exchange, Response response);
  net::awaitable<void> linger();
  Response refusal_response(const Refusal& refusal);
  void deliver(std::uint64_t id, Response response);
  void arm(milliseconds timeout);
  void wait_for_alarm(std::uint64_t alarm);
  bool disarm();
  void hang_up();

  net::ip::tcp::socket socket_;
  net::steady_timer timer_;
  ServerContext& context_;
  boost::beast::flat_buffer buffer_;  // read from the socket, not yet parsed
  std::uint64_t alarm_ = 0;           // counts timeouts set and dropped, so that a late alarm is ignored
  bool expired_ = false;
  bool gone_ = false;          // the client cannot read an answer any more, or the server ends
  bool lingering_ = false;     // input may be unread: closing at once could destroy the answer under way
  std::uint64_t awaited_ = 0;  // id of the request that a handler works on; 0: none
  std::optional<Response> response_;
  std::stop_source stop_;
};

// --- timeouts --------------------------------------------------------------------------------------------

void Connection::arm(milliseconds timeout) {
  expired_ = false;
  timer_.expires_after(timeout);
  wait_for_alarm(++alarm_);
}

void Connection::wait_for_alarm(std::uint64_t alarm) {
  timer_.async_wait([self = shared_from_this(), alarm](error_code failure) {
    if (failure || alarm != self->alarm_) return;
    self->expired_ = true;
    error_code ignored;
    self->socket_.cancel(ignored);
    // A composed read may be between two system calls, where there is nothing to cancel: ask again.
    self->timer_.expires_after(milliseconds(10));
    self->wait_for_alarm(alarm);
  });
}

/// Drops the timeout; true when it had passed.
bool Connection::disarm() {
  ++alarm_;
  timer_.cancel();
  return std::exchange(expired_, false);
}

// --- from other threads ----------------------------------------------------------------------------------

void Connection::finish() {
  net::dispatch(socket_.get_executor(), [self = shared_from_this()] {
    error_code ignored;
    // A request whose first bytes have arrived is still answered.
    if (self->phase() == Phase::kWaiting && self->buffer_.size() == 0 &&
        self->socket_.available(ignored) == 0) {
      self->hang_up();
    }
  });
}

void Connection::close() {
  net::dispatch(socket_.get_executor(), [self = shared_from_this()] { self->hang_up(); });
}

void Connection::hang_up() {
  gone_ = true;
  stop_.request_stop();
  error_code ignored;
  socket_.close(ignored);  // ends whatever waits on it
}

void Connection::deliver(std::uint64_t id, Response response) {
  auto arrive = [self = shared_from_this(), id, response = std::move(response)]() mutable {
    if (self->awaited_ != id || self->response_) return;
    self->response_ = std::move(response);
    error_code ignored;
    self->socket_.cancel(ignored);  // wakes watch_client()
  };
  net::dispatch(socket_.get_executor(), std::move(arrive));
}

// --- the life of a connection ----------------------------------------------------------------------------

net::awaitable<void> Connection::run(bool refuse) {
  error_code ignored;
  socket_.set_option(net::ip::tcp::no_delay(true), ignored);
  socket_.set_option(net::socket_base::keep_alive(true), ignored);
  if (refuse) {
    Exchange exchange(context_);
    lingering_ = true;
    const Refusal full = {503, "Too many connections; try again."};
    co_await write_response(exchange, refusal_response(full));
  } else {
    while (co_await wait_for_request()) {
      const bool again = co_await serve();
      if (!again) break;
    }
  }
  if (lingering_ && !gone_) co_await linger();
  socket_.shutdown(net::socket_base::shutdown_both, ignored);
  socket_.close(ignored);
}

/// False when the connection is to be closed: by the client, for idleness, or because the server ends.
net::awaitable<bool> Connection::wait_for_request() {
  if (gone_ || !enter(Phase::kWaiting)) co_return false;
  if (buffer_.size() > 0) co_return true;
  error_code ignored;
  if (context_.draining && socket_.available(ignored) == 0) co_return false;
  arm(context_.limits.idle_timeout);
  const auto [failure, size] = co_await socket_.async_read_some(buffer_.prepare(4096), kAwait);
  const bool idle = disarm();
  buffer_.commit(size);
  co_return !idle && !failure && !gone_;
}

/// One request and its answer. True when another may follow.
net::awaitable<bool> Connection::serve() {
  Exchange exchange(context_);
  const std::optional<Refusal> refused = co_await read_request(exchange);
  if (gone_) co_return false;
  if (refused) {
    if (refused->close) {
      exchange.keep_alive = false;
      lingering_ = true;
    }
    co_return co_await write_response(exchange, refusal_response(*refused));
  }
  std::optional<Response> answer = co_await answer_of_handler(exchange);
  if (!answer) co_return false;
  co_return co_await write_response(exchange, std::move(*answer));
}

net::awaitable<std::optional<Refusal>> Connection::read_request(Exchange& exchange) {
  http::request_parser<http::string_body>& parser = exchange.parser;
  parser.header_limit(context_.limits.max_header_bytes);
  parser.body_limit(boost::none);  // checked below: the limit depends on the route
  arm(context_.limits.header_timeout);
  const auto [failure, size] = co_await http::async_read_header(socket_, buffer_, parser, kAwait);
  const bool late = disarm();
  if (failure || late) {
    gone_ = gone_ || (!late && is_disconnection(failure));
    co_return late ? Refusal{408, "The request's header did not arrive in time."} : unreadable(failure);
  }
  if (!enter(Phase::kWorking)) gone_ = true;
  if (gone_) co_return std::nullopt;
  exchange.id = ++context_.requests;
  exchange.started = Clock::now();
  exchange.keep_alive = parser.get().keep_alive();
  const auto target = parser.get().target();
  exchange.match = context_.router.match(parser.get().method_string(), path_of(target));
  const Route* route = exchange.match.route;
  const std::uint64_t max_body_bytes =
      route != nullptr && route->max_body_bytes ? *route->max_body_bytes : context_.limits.max_body_bytes;

  const bool expects = wants_continue(parser);
  std::optional<Refusal> refused = check_framing(parser, max_body_bytes);
  if (!refused && route == nullptr && expects) {
    refused =
        Refusal{exchange.match.status, refusal_message(exchange.match.status)};  // before the body is sent
  }
  if (refused) co_return refused;
  if (expects) {
    const bool written = co_await write_all("HTTP/1.1 100 Continue\r\n\r\n");
    if (!written) co_return std::nullopt;
  }
  refused = co_await read_body(exchange, max_body_bytes);
  if (refused || gone_ || route != nullptr) co_return refused;
  co_return Refusal{exchange.match.status, refusal_message(exchange.match.status), false};
}

net::awaitable<std::optional<Refusal>> Connection::read_body(Exchange& exchange, std::uint64_t max_bytes) {
  http::request_parser<http::string_body>& parser = exchange.parser;
  parser.body_limit(max_bytes);
  arm(context_.limits.body_timeout);
  std::optional<Refusal> refused;
  while (!parser.is_done() && !refused && !gone_) {
    const auto [failure, size] = co_await http::async_read_some(socket_, buffer_, parser, kAwait);
    if (expired_) {
      refused = Refusal{408, "The request's body did not arrive in time."};
    } else if (failure) {
      gone_ = gone_ || is_disconnection(failure);
      refused = failure == http::error::body_limit ? too_large(max_bytes) : unreadable(failure);
    } else if (!exchange.reservation.grow_to(parser.get().body().size())) {
      refused = Refusal{503, "The server holds too many request bodies; try again."};
    }
  }
  disarm();
  exchange.body_bytes = parser.get().body().size();
  co_return refused;
}

/// Hands the request to its handler and waits for the answer. Nothing when the client left meanwhile.
net::awaitable<std::optional<Response>> Connection::answer_of_handler(Exchange& exchange) {
  const Route& route = *exchange.match.route;
  awaited_ = exchange.id;
  response_.reset();
  stop_ = std::stop_source();
  {
    // An answer may come from another thread long after this connection is gone.
    Responder responder([weak = weak_from_this(), id = exchange.id](Response response) {
      if (const std::shared_ptr<Connection> self = weak.lock()) self->deliver(id, std::move(response));
    });
    try {
      route.handler(take_request(exchange.parser, exchange.id), stop_.get_token(), std::move(responder));
    } catch (...) {  // the Responder answers 500 as it dies
      log::error("http.handler_failed", {{"request", exchange.id}, {"route", log::Word(route.name)}});
    }
  }
  arm(route.timeout.value_or(context_.limits.request_timeout));
  const bool may_probe = exchange.parser.get().version() >= 11;
  const bool present = co_await watch_client(may_probe);
  const bool late = disarm();
  awaited_ = 0;
  if (!response_) stop_.request_stop();
  if (gone_ || !present) {
    gone_ = true;
    log::info("http.client_gone", {{"request", exchange.id}, {"route", log::Word(route.name)}});
    co_return std::nullopt;
  }
  if (!response_ && late) {
    const Refusal overdue = {504, "The answer took longer than the time allowed for a request."};
    response_ = context_.error_response(overdue.status, overdue.message);
  }
  if (response_ && response_->status == 500 && response_->body.size_bytes() == 0) {
    response_ = context_.error_response(500, "The request failed inside the server.");
  }
  co_return std::exchange(response_, std::nullopt);
}

/// Reads ahead until the answer is there, the time is up, or the client has left; false in the last case.
///
/// The end of the client's stream alone does not say that it left: it may have closed its sending half only.
/// An interim answer tells the two apart, since a closed socket replies to it with a reset. (RFC 9110,
/// section 15.2, lets a server send any number of 1xx answers; HTTP/1.0 knows none, there the end counts as
/// leaving.)
net::awaitable<bool> Connection::watch_client(bool may_probe) {
  bool input_ended = false;
  while (!response_ && !expired_ && !gone_) {
    if (input_ended || buffer_.size() >= context_.limits.max_pipelined_bytes) {
      const auto [failure] = co_await socket_.async_wait(net::socket_base::wait_error, kAwait);
      if (failure != net::error::operation_aborted) co_return false;
      continue;
    }
    const auto [failure, size] = co_await socket_.async_read_some(buffer_.prepare(4096), kAwait);
    buffer_.commit(size);
    if (!failure || failure == net::error::operation_aborted) continue;
    if (failure != net::error::eof || !may_probe) co_return false;
    input_ended = true;
    const bool written = co_await write_all("HTTP/1.1 100 Continue\r\n\r\n");
    if (!written) co_return false;
  }
  co_return !gone_;
}

// --- answers ---------------------------------------------------------------------------------------------

Response Connection::refusal_response(const Refusal& refusal) {
  Response response = context_.error_response(refusal.status, refusal.message);
  if (refusal.status == 503) response.headers.add("Retry-After", "1");
  return response;
}

net::awaitable<bool> Connection::write_response(Exchange& exchange, Response response) {
  if (response.status == 405) response.headers.add("Allow", exchange.match.allow);
  const auto& request = exchange.parser.get();
  const bool parsed = exchange.parser.is_header_done();
  Framing framing;
  framing.keep_alive = exchange.keep_alive && !context_.draining;
  framing.http_1_0 = parsed && request.version() < 11;
  std::string message = response_head(response, framing);
  if (!parsed || request.method() != http::verb::head) message += response.body.reveal();
  const bool written = co_await write_all(message);
  const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - exchange.started);
  const bool quiet = exchange.match.route != nullptr && exchange.match.route->quiet && response.status < 400;
  (quiet ? log::debug : log::info)(
      "http.request",
      {{"request", exchange.id},
       {"method", log::Word(parsed ? known_method(exchange.parser) : "-")},
       {"route", log::Word(exchange.match.route != nullptr ? exchange.match.route->name : "-")},
       {"status", response.status},
       {"bytes_in", exchange.body_bytes},
       {"bytes_out", response.body.size_bytes()},
       {"took_ms", took.count()}});
  co_return written&& framing.keep_alive;
}

/// False, and gone_, when the client does not take the bytes.
net::awaitable<bool> Connection::write_all(std::string_view bytes) {
  while (!bytes.empty() && !gone_) {
    arm(context_.limits.write_timeout);
    const auto [failure, size] =
        co_await socket_.async_write_some(net::buffer(bytes.data(), bytes.size()), kAwait);
    const bool late = disarm();
    bytes.remove_prefix(size);
    if (failure || late) gone_ = true;
  }
  co_return !gone_;
}

/// Takes in what the client still sends for a while: closing a socket with unread input resets the
/// connection, which can destroy the answer before the client reads it (RFC 9112, section 9.6).
net::awaitable<void> Connection::linger() {
  error_code ignored;
  socket_.shutdown(net::socket_base::shutdown_send, ignored);
  arm(context_.limits.linger_timeout);
  while (!expired_ && !gone_) {
    buffer_.clear();
    const auto [failure, size] = co_await socket_.async_read_some(buffer_.prepare(16384), kAwait);
    if (failure) break;
  }
  disarm();
}

}  // namespace

void serve_connection(net::ip::tcp::socket socket, ServerContext& context, bool refuse) {
  auto executor = socket.get_executor();
  auto connection = std::make_shared<Connection>(std::move(socket), context);
  context.sessions.add(connection);
  // The coroutine's frame holds the connection alive; the completion handler always runs before it is let go.
  net::co_spawn(executor, connection->run(refuse), [connection, &context](std::exception_ptr failure) {
    if (failure) {
      connection->close();
      log::error("http.connection_failed");
    }
    context.sessions.remove(connection.get());
  });
}

}  // namespace epicrisis::server::detail
