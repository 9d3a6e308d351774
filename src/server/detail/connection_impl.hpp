#pragma once

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "server/detail/request_check.hpp"
#include "server/detail/server_context.hpp"
#include "server/detail/transport.hpp"

namespace epicrisis::server::detail {

namespace net = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using std::chrono::milliseconds;

// Expected failures of the peer come back as values.
inline constexpr std::size_t kReadBytes = 16 * 1024;
inline constexpr auto kAwait = net::as_tuple(net::use_awaitable);

/// One accepted connection. All members but the Session interface belong to the socket's strand.
class Connection final : public Session, public std::enable_shared_from_this<Connection> {
 public:
  Connection(net::ip::tcp::socket socket, ServerContext& context)
      : transport_(std::move(socket), context.tls),
        socket_(transport_.socket()),
        timer_(socket_.get_executor()),
        wake_(socket_.get_executor()),
        context_(context) {}

  net::awaitable<void> run(bool refuse);
  void finish() override;
  void close() override;

 private:
  /// What one request needs from its first byte to its answer.
  struct Exchange {
    explicit Exchange(ServerContext& context) : reservation(context) {}
    RequestParser parser;
    Router::Match match;
    std::optional<Route> made;     ///< What the front made of this request.
    const Route* route = nullptr;  ///< Of the router, or `made`.
    Request request;
    BodyReservation reservation;
    std::uint64_t id = 0;
    std::uint64_t body_bytes = 0;
    bool keep_alive = false;
    Clock::time_point started = Clock::now();
  };

  /// One call of a sink, which counts as the last when it is dropped without an answer.
  class SinkCall {
   public:
    explicit SinkCall(std::weak_ptr<Connection> connection) : connection_(std::move(connection)) {}
    SinkCall(const SinkCall&) = delete;
    SinkCall& operator=(const SinkCall&) = delete;
    ~SinkCall();
    void end(bool wants_more);

   private:
    std::weak_ptr<Connection> connection_;
    std::atomic_flag ended_;
  };

  net::awaitable<bool> wait_for_request();
  net::awaitable<bool> serve();
  net::awaitable<std::optional<Refusal>> read_request(Exchange& exchange);
  std::uint64_t max_body_bytes_of(const Route* route) const;
  std::optional<Refusal> choose_route(Exchange& exchange);
  net::awaitable<error_code> parse_some(RequestParser& parser, std::size_t read_bytes);
  net::awaitable<std::optional<Refusal>> read_body(Exchange& exchange, std::uint64_t max_bytes);
  net::awaitable<std::optional<Refusal>> feed_sink(Exchange& exchange, std::uint64_t max_bytes);
  net::awaitable<bool> wait_for_sink();
  net::awaitable<bool> skip_small_body(Exchange& exchange);
  net::awaitable<std::optional<Refusal>> refuse_early(Exchange& exchange);
  net::awaitable<std::optional<Response>> answer_of_handler(Exchange& exchange);
  enum class AtEnd {
    kProbe,
    kLeave,
    kWait
  };  ///< What the end of the client's stream makes watch_client() do.
  net::awaitable<bool> watch_client(AtEnd at_end);
  net::awaitable<bool> write_all(std::string_view bytes);
  net::awaitable<bool> write_response(Exchange& exchange, Response response);
  net::awaitable<bool> write_stream(BodySource& source, bool chunked);
  net::awaitable<std::optional<std::string>> next_piece(BodySource& source);
  void fetch(BodySource& source);
  net::awaitable<void> linger();
  Response refusal_response(const Exchange& exchange, const Refusal& refusal);
  Response server_response(const Exchange& exchange, int status, std::string_view message);
  void wake();
  void deliver(std::uint64_t id, Response response);
  void arm(milliseconds timeout);
  void wait_for_alarm(std::uint64_t alarm);
  bool disarm();
  void hang_up();

  Transport transport_;
  net::ip::tcp::socket& socket_;  // of transport_
  net::steady_timer timer_;
  net::steady_timer wake_;  // never expires; cancelled when a sink or a source has done its work
  ServerContext& context_;
  boost::beast::flat_buffer buffer_;  // read from the socket, not yet parsed
  std::uint64_t alarm_ = 0;           // counts timeouts set and dropped, so that a late alarm is ignored
  std::size_t header_bytes_ = 0;      // of the request being read, parsed so far
  bool expired_ = false;
  bool gone_ = false;          // the client cannot read an answer any more, or the server ends
  bool lingering_ = false;     // input may be unread: closing at once could destroy the answer under way
  std::uint64_t awaited_ = 0;  // id of the request that a handler works on; 0: none
  bool arrived_ = false;       // what watch_client() waits for
  bool watching_ = false;      // watch_client() reads while a source works
  std::optional<Response> response_;
  bool sink_busy_ = false;
  bool sink_wants_more_ = true;
  std::optional<std::string> piece_;  // of a BodySource; nothing: it failed
  std::stop_source stop_;
};

}  // namespace epicrisis::server::detail
