#include <fmt/format.h>

#include <boost/asio/dispatch.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "base/log.hpp"
#include "server/detail/connection_impl.hpp"
#include "server/detail/response_head.hpp"

namespace epicrisis::server::detail {

// --- answers ---------------------------------------------------------------------------------------------

Response Connection::server_response(const Exchange& exchange, int status, std::string_view message) {
  const bool own = exchange.route != nullptr && exchange.route->error_response;
  return own ? exchange.route->error_response(status, message) : context_.error_response(status, message);
}

Response Connection::refusal_response(const Exchange& exchange, const Refusal& refusal) {
  Response response = server_response(exchange, refusal.status, refusal.message);
  if (refusal.status == 503) response.headers.add("Retry-After", "1");
  return response;
}

net::awaitable<bool> Connection::write_response(Exchange& exchange, Response response) {
  if (response.status == 405) response.headers.add("Allow", exchange.match.allow);
  const auto& request = exchange.parser.get();
  const bool parsed = exchange.parser.is_header_done();
  Framing framing;
  framing.http_1_0 = parsed && request.version() < 11;
  const bool no_body = response.status == 204 || response.status == 304;
  if (!no_body && response.stream) {
    framing.content_length = response.stream->size_bytes();
    framing.chunked = !framing.content_length && !framing.http_1_0;
  } else if (!no_body) {
    framing.content_length = response.body.size_bytes();
  }
  const bool ends_by_close = !no_body && !framing.content_length && !framing.chunked;
  framing.keep_alive = exchange.keep_alive && !context_.draining && !ends_by_close;
  const bool sends_body = !no_body && (!parsed || request.method() != http::verb::head);
  std::string message = response_head(response, framing);
  if (sends_body && !response.stream) message += response.body.reveal();
  bool written = co_await write_all(message);
  if (written && sends_body && response.stream)
    written = co_await write_stream(*response.stream, framing.chunked);
  const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - exchange.started);
  const bool quiet = exchange.route != nullptr && exchange.route->quiet && response.status < 400;
  (quiet ? log::debug : log::info)(
      "http.request", {{"request", exchange.id},
                       {"method", log::Word(parsed ? known_method(exchange.parser) : "-")},
                       {"route", log::Word(exchange.route != nullptr ? exchange.route->name : "-")},
                       {"status", response.status},
                       {"bytes_in", exchange.body_bytes},
                       {"bytes_out", response.stream ? response.stream->size_bytes().value_or(0)
                                                     : response.body.size_bytes()},
                       {"took_ms", took.count()}});
  co_return written&& framing.keep_alive;
}

/// False, and gone_, when the client does not take the bytes.
net::awaitable<bool> Connection::write_all(std::string_view bytes) {
  while (!bytes.empty() && !gone_) {
    arm(context_.limits.write_timeout);
    const Transport::Transfer sent = co_await transport_.write_some(net::buffer(bytes.data(), bytes.size()));
    const bool late = disarm();
    bytes.remove_prefix(sent.size);
    if (sent.failure || late) gone_ = true;
  }
  co_return !gone_;
}

/// Sends a body as its source gives it; the next piece is fetched while one is sent. False, and gone_, when
/// the client does not take it or the source fails: the answer cannot be taken back.
net::awaitable<bool> Connection::write_stream(BodySource& source, bool chunked) {
  const std::optional<std::uint64_t> size = source.size_bytes();
  std::uint64_t sent = 0;
  if (!size || *size > 0) fetch(source);
  while (!gone_ && (!size || sent < *size)) {
    std::optional<std::string> piece = co_await next_piece(source);
    if (!piece || (size && (piece->empty() || piece->size() > *size - sent))) {
      gone_ = true;
      break;
    }
    if (piece->empty()) break;
    sent += piece->size();
    if (!size || sent < *size) fetch(source);
    if (chunked) *piece = fmt::format("{:x}\r\n", piece->size()) + *piece + "\r\n";
    co_await write_all(*piece);
  }
  if (chunked && !gone_) co_await write_all("0\r\n\r\n");
  co_return !gone_;
}

void Connection::fetch(BodySource& source) {
  arrived_ = false;
  piece_.reset();
  source.next([weak = weak_from_this()](std::optional<std::string> piece) {
    const std::shared_ptr<Connection> self = weak.lock();
    if (!self) return;
    net::dispatch(self->socket_.get_executor(), [self, piece = std::move(piece)]() mutable {
      self->piece_ = std::move(piece);
      self->arrived_ = true;
      self->wake_.cancel();
      error_code ignored;
      if (self->watching_) self->socket_.cancel(ignored);
    });
  });
}

/// The piece that was asked for. Where a source may take its time, the client is watched meanwhile: when it
/// leaves, the stop token of its request fires.
net::awaitable<std::optional<std::string>> Connection::next_piece(BodySource& source) {
  if (source.size_bytes()) {
    while (!arrived_ && !gone_) {
      wake_.expires_at(Clock::time_point::max());
      co_await wake_.async_wait(kAwait);
    }
  } else if (!arrived_) {
    watching_ = true;
    const bool present = co_await watch_client(AtEnd::kWait);
    watching_ = false;
    if (!present) {
      gone_ = true;
      stop_.request_stop();
    }
  }
  co_return std::exchange(piece_, std::nullopt);
}

/// Takes in what the client still sends for a while: closing a socket with unread input resets the
/// connection, which can destroy the answer before the client reads it (RFC 9112, section 9.6).
net::awaitable<void> Connection::linger() {
  error_code ignored;
  if (!transport_.is_encrypted()) socket_.shutdown(net::socket_base::shutdown_send, ignored);
  arm(context_.limits.linger_timeout);
  while (!expired_ && !gone_) {
    buffer_.clear();
    const Transport::Transfer got = co_await transport_.read_some(buffer_.prepare(16384));
    if (got.failure) break;
  }
  disarm();
}

}  // namespace epicrisis::server::detail
