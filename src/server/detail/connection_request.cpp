#include <boost/asio/dispatch.hpp>
#include <boost/beast/http/error.hpp>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/log.hpp"
#include "server/detail/connection_impl.hpp"

namespace epicrisis::server::detail {
namespace {

constexpr std::size_t kStreamReadBytes = 256 * 1024;
constexpr std::uint64_t kSmallBodyBytes = 64 * 1024;

}  // namespace

/// Parses what was read; reads more when that is not enough for another step.
net::awaitable<error_code> Connection::parse_some(RequestParser& parser, std::size_t read_bytes) {
  while (!gone_) {
    if (buffer_.size() > 0) {
      const bool in_header = !parser.is_header_done();
      error_code failure;
      const std::size_t used = parser.put(buffer_.data(), failure);
      buffer_.consume(used);
      if (in_header)
        header_bytes_ += used;  // the parser takes fields one by one and limits none but the first piece
      const std::size_t unparsed = parser.is_header_done() ? 0 : buffer_.size();
      if (in_header && header_bytes_ + unparsed > context_.limits.max_header_bytes) {
        co_return http::error::header_limit;
      }
      if (failure != http::error::need_more) co_return failure;
    }
    const Transport::Transfer got = co_await transport_.read_some(buffer_.prepare(read_bytes));
    buffer_.commit(got.size);
    if (got.failure == net::error::eof) {
      const auto ended = parser.got_some() ? http::error::partial_message : http::error::end_of_stream;
      co_return ended;
    }
    if (got.failure) co_return got.failure;
  }
  co_return net::error::operation_aborted;
}

net::awaitable<std::optional<Refusal>> Connection::read_request(Exchange& exchange) {
  RequestParser& parser = exchange.parser;
  parser.header_limit(context_.limits.max_header_bytes);
  parser.body_limit(boost::none);  // checked below: the limit depends on the route
  parser.eager(false);
  header_bytes_ = 0;
  arm(context_.limits.header_timeout);
  error_code failure;
  while (!parser.is_header_done() && !failure) failure = co_await parse_some(parser, kReadBytes);
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
  exchange.request = head_of(parser, exchange.id);
  error_code ignored;
  exchange.request.peer = socket_.remote_endpoint(ignored).address().to_string();
  const std::optional<Refusal> unrouted = choose_route(exchange);
  const Route* route = exchange.route;
  const std::uint64_t max_body_bytes = max_body_bytes_of(route);

  const bool expects = wants_continue(parser);
  std::optional<Refusal> refused = check_framing(parser, max_body_bytes);
  if (!refused && unrouted && expects) refused = unrouted;  // before the body is sent
  if (refused) co_return refused;
  if (route != nullptr && route->refusal) co_return co_await refuse_early(exchange);
  if (expects) {
    const bool written = co_await write_all("HTTP/1.1 100 Continue\r\n\r\n");
    if (!written) co_return std::nullopt;
  }
  if (route != nullptr && route->sink) co_return co_await feed_sink(exchange, max_body_bytes);
  refused = co_await read_body(exchange, max_body_bytes);
  if (refused || gone_ || route != nullptr) co_return refused;
  co_return Refusal{unrouted->status, unrouted->message, false};
}

std::uint64_t Connection::max_body_bytes_of(const Route* route) const {
  if (route == nullptr) return context_.limits.max_body_bytes;
  if (route->refusal) return std::numeric_limits<std::uint64_t>::max();  // taken in at no length
  return route->max_body_bytes.value_or(context_.limits.max_body_bytes);
}

/// Sets exchange.route, or says why there is none.
std::optional<Refusal> Connection::choose_route(Exchange& exchange) {
  exchange.match = context_.router.match(exchange.request.method, exchange.request.path);
  exchange.route = exchange.match.route;
  const bool known_path = exchange.route != nullptr || exchange.match.status == 405;
  if (known_path || !context_.router.front()) {
    if (exchange.route != nullptr) return std::nullopt;
    return Refusal{exchange.match.status, refusal_message(exchange.match.status)};
  }
  try {
    exchange.made = context_.router.front()(exchange.request);
    exchange.route = &*exchange.made;
    return std::nullopt;
  } catch (...) {  // what() may quote the request
    log::error("http.front_failed", {{"request", exchange.id}});
    return Refusal{500, "The request failed inside the server."};
  }
}

/// The route refuses the request: a large body is not taken in, a small one is, so that the connection lives
/// on.
net::awaitable<std::optional<Refusal>> Connection::refuse_early(Exchange& exchange) {
  const bool expects = wants_continue(exchange.parser);
  const bool skipped = !expects && co_await skip_small_body(exchange);
  if (!skipped) {
    exchange.keep_alive = false;
    lingering_ = true;
  }
  co_return std::nullopt;
}

net::awaitable<bool> Connection::skip_small_body(Exchange& exchange) {
  RequestParser& parser = exchange.parser;
  if (parser.is_done()) co_return true;
  const auto length = parser.content_length();
  if (!length || *length > kSmallBodyBytes) co_return false;
  const std::optional<Refusal> unread = co_await read_body(exchange, kSmallBodyBytes);
  co_return !unread.has_value();
}

net::awaitable<std::optional<Refusal>> Connection::read_body(Exchange& exchange, std::uint64_t max_bytes) {
  RequestParser& parser = exchange.parser;
  parser.body_limit(max_bytes);
  parser.eager(true);
  arm(context_.limits.body_timeout);
  std::optional<Refusal> refused;
  while (!parser.is_done() && !refused && !gone_) {
    const error_code failure = co_await parse_some(parser, kReadBytes);
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
  exchange.request.body = ClinicalText(std::move(parser.get().body()));
  co_return refused;
}

/// Gives the body to the route's sink as it comes. The next piece is read while the sink works on one.
net::awaitable<std::optional<Refusal>> Connection::feed_sink(Exchange& exchange, std::uint64_t max_bytes) {
  RequestParser& parser = exchange.parser;
  parser.body_limit(max_bytes);
  parser.eager(true);
  sink_wants_more_ = true;
  std::optional<Refusal> refused;
  while (!parser.is_done() && !refused && !gone_ && sink_wants_more_) {
    arm(context_.limits.stall_timeout);
    const error_code failure = co_await parse_some(parser, kStreamReadBytes);
    const bool late = disarm();
    if (late) {
      refused = Refusal{408, "The request's body did not arrive in time."};
    } else if (failure) {
      gone_ = gone_ || is_disconnection(failure);
      refused = failure == http::error::body_limit ? too_large(max_bytes) : unreadable(failure);
    } else {
      std::string piece = std::exchange(parser.get().body(), {});
      exchange.body_bytes += piece.size();
      const bool more = co_await wait_for_sink();
      if (!more || piece.empty()) continue;
      sink_busy_ = true;
      auto settle = std::make_shared<SinkCall>(weak_from_this());
      exchange.route->sink->take(std::move(piece), [settle](bool wants_more) { settle->end(wants_more); });
    }
  }
  co_await wait_for_sink();
  if (!refused && !parser.is_done()) {  // the sink has had enough; its handler says why
    exchange.keep_alive = false;
    lingering_ = true;
  }
  co_return refused;
}

/// Waits until the sink is done with its piece; false when it wants no more.
net::awaitable<bool> Connection::wait_for_sink() {
  while (sink_busy_ && !gone_) {
    wake_.expires_at(Clock::time_point::max());
    co_await wake_.async_wait(kAwait);
  }
  co_return sink_wants_more_ && !gone_;
}

Connection::SinkCall::~SinkCall() { end(false); }

void Connection::SinkCall::end(bool wants_more) {
  if (ended_.test_and_set()) return;
  const std::shared_ptr<Connection> self = connection_.lock();
  if (!self) return;
  net::dispatch(self->socket_.get_executor(), [self, wants_more] {
    self->sink_busy_ = false;
    self->sink_wants_more_ = wants_more;
    self->wake_.cancel();
  });
}

}  // namespace epicrisis::server::detail
