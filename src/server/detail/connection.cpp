#include "server/detail/connection.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <exception>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "base/log.hpp"
#include "server/detail/connection_impl.hpp"

namespace epicrisis::server::detail {
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
  wake_.cancel();
  error_code ignored;
  socket_.close(ignored);  // ends whatever waits on it
}

void Connection::wake() {
  arrived_ = true;
  wake_.cancel();
  error_code ignored;
  socket_.cancel(ignored);  // wakes watch_client()
}

void Connection::deliver(std::uint64_t id, Response response) {
  auto arrive = [self = shared_from_this(), id, response = std::move(response)]() mutable {
    if (self->awaited_ != id || self->response_) return;
    self->response_ = std::move(response);
    self->wake();
  };
  net::dispatch(socket_.get_executor(), std::move(arrive));
}

// --- the life of a connection ----------------------------------------------------------------------------

net::awaitable<void> Connection::run(bool refuse) {
  error_code ignored;
  socket_.set_option(net::ip::tcp::no_delay(true), ignored);
  socket_.set_option(net::socket_base::keep_alive(true), ignored);
  arm(context_.limits.header_timeout);
  const error_code handshake = co_await transport_.shake_hands();
  if (disarm() || handshake) gone_ = true;
  if (refuse) {
    Exchange exchange(context_);
    lingering_ = true;
    const Refusal full = {503, "Too many connections; try again."};
    co_await write_response(exchange, refusal_response(exchange, full));
  } else {
    while (co_await wait_for_request()) {
      const bool again = co_await serve();
      if (!again) break;
    }
  }
  if (lingering_ && !gone_) co_await linger();
  if (!lingering_ && !gone_ && transport_.is_encrypted()) {
    arm(context_.limits.linger_timeout);
    co_await transport_.say_goodbye();
    disarm();
  }
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
  const Transport::Transfer got = co_await transport_.read_some(buffer_.prepare(kReadBytes));
  const bool idle = disarm();
  buffer_.commit(got.size);
  co_return !idle && !got.failure && !gone_;
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
    co_return co_await write_response(exchange, refusal_response(exchange, *refused));
  }
  if (exchange.route->refusal) co_return co_await write_response(exchange, *exchange.route->refusal);
  std::optional<Response> answer = co_await answer_of_handler(exchange);
  if (!answer) co_return false;
  co_return co_await write_response(exchange, std::move(*answer));
}

/// Hands the request to its handler and waits for the answer. Nothing when the client left meanwhile.
net::awaitable<std::optional<Response>> Connection::answer_of_handler(Exchange& exchange) {
  const Route& route = *exchange.route;
  awaited_ = exchange.id;
  arrived_ = false;
  response_.reset();
  stop_ = std::stop_source();
  {
    // An answer may come from another thread long after this connection is gone.
    Responder responder([weak = weak_from_this(), id = exchange.id](Response response) {
      if (const std::shared_ptr<Connection> self = weak.lock()) self->deliver(id, std::move(response));
    });
    try {
      route.handler(std::move(exchange.request), stop_.get_token(), std::move(responder));
    } catch (...) {  // the Responder answers 500 as it dies
      log::error("http.handler_failed", {{"request", exchange.id}, {"route", log::Word(route.name)}});
    }
  }
  arm(route.timeout.value_or(context_.limits.request_timeout));
  const bool may_probe = exchange.parser.get().version() >= 11;
  const bool present = co_await watch_client(may_probe ? AtEnd::kProbe : AtEnd::kLeave);
  const bool late = disarm();
  awaited_ = 0;
  if (!response_) stop_.request_stop();
  if (gone_ || !present) {
    gone_ = true;
    log::info("http.client_gone", {{"request", exchange.id}, {"route", log::Word(route.name)}});
    co_return std::nullopt;
  }
  if (!response_ && late) {
    response_ = server_response(exchange, 504, "The answer took longer than the time allowed for a request.");
  }
  if (response_ && response_->status == 500 && response_->body.size_bytes() == 0 && !response_->stream) {
    response_ = server_response(exchange, 500, "The request failed inside the server.");
  }
  co_return std::exchange(response_, std::nullopt);
}

/// Reads ahead until the answer is there, the time is up, or the client has left; false in the last case.
///
/// The end of the client's stream alone does not say that it left: it may have closed its sending half only.
/// An interim answer tells the two apart, since a closed socket replies to it with a reset. (RFC 9110,
/// section 15.2, lets a server send any number of 1xx answers; HTTP/1.0 knows none, there the end counts as
/// leaving.)
net::awaitable<bool> Connection::watch_client(AtEnd at_end) {
  bool input_ended = false;
  while (!arrived_ && !expired_ && !gone_) {
    if (input_ended || buffer_.size() >= context_.limits.max_pipelined_bytes) {
      const auto [failure] = co_await socket_.async_wait(net::socket_base::wait_error, kAwait);
      if (failure != net::error::operation_aborted) co_return false;
      continue;
    }
    const Transport::Transfer got = co_await transport_.read_some(buffer_.prepare(4096));
    buffer_.commit(got.size);
    if (!got.failure || got.failure == net::error::operation_aborted) continue;
    if (got.failure != net::error::eof || at_end == AtEnd::kLeave) co_return false;
    input_ended = true;
    if (at_end == AtEnd::kWait) continue;
    const bool written = co_await write_all("HTTP/1.1 100 Continue\r\n\r\n");
    if (!written) co_return false;
  }
  co_return !gone_;
}

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
