#include "jobs/worker_client.hpp"

#include <fmt/format.h>

#include <strings.h>
#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>

namespace epicrisis::jobs {
namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using net::ip::tcp;

namespace {

constexpr auto kAwait = net::as_tuple(net::use_awaitable);
constexpr std::size_t kMaxIdle = 64;

std::string head_of(const WorkerRequest& request) {
  std::string head = fmt::format("{} {} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n",
                                 request.method, request.target, request.body.size_bytes());
  for (const auto& [name, value] : request.fields) {
    head += name;
    head += ": ";
    head += value;
    head += "\r\n";
  }
  return head += "\r\n";
}

Error error_of(const error_code& failure, const CallLimits& limits) {
  if (limits.stop.stop_requested()) return {ErrorCode::kCancelled, "The client left.", ""};
  if (failure == beast::error::timeout) {
    return {ErrorCode::kDeadlineExceeded, "The worker did not answer in time.", ""};
  }
  const bool broken = failure.category() == http::make_error_code(http::error::bad_version).category() &&
                      failure != http::error::end_of_stream && failure != http::error::partial_message;
  if (broken) return {ErrorCode::kCorrupt, "The worker's answer is no HTTP.", failure.message()};
  return {ErrorCode::kUnavailable, "The worker ended or cannot be reached.", failure.message()};
}

}  // namespace

std::optional<std::string_view> WorkerReply::find(std::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (key.size() == name.size() && strncasecmp(key.data(), name.data(), name.size()) == 0) return value;
  }
  return std::nullopt;
}

struct WorkerClient::Connection {
  explicit Connection(const net::any_io_executor& executor) : stream(executor) {}
  beast::tcp_stream stream;
  beast::flat_buffer buffer;
};

struct WorkerClient::Outcome {
  Result<WorkerReply> reply;
  bool answered = false;    ///< A byte of the answer arrived.
  bool keep_alive = false;  ///< The connection takes another request.
};

WorkerClient::WorkerClient(net::any_io_executor executor, std::uint16_t port)
    : executor_(std::move(executor)), port_(port) {}
WorkerClient::~WorkerClient() = default;

std::shared_ptr<WorkerClient::Connection> WorkerClient::take_idle() {
  if (idle_.empty()) return nullptr;
  auto connection = std::move(idle_.back());
  idle_.pop_back();
  return connection;
}

void WorkerClient::close_idle() { idle_.clear(); }

net::awaitable<Result<WorkerReply>> WorkerClient::send(std::shared_ptr<const WorkerRequest> request,
                                                       CallLimits limits, PartSink sink) {
  const auto self = shared_from_this();
  while (true) {
    if (limits.stop.stop_requested()) co_return Error{ErrorCode::kCancelled, "The client left.", ""};
    std::shared_ptr<Connection> connection = take_idle();
    const bool reused = connection != nullptr;
    if (!reused) connection = std::make_shared<Connection>(executor_);
    connection->stream.expires_at(limits.deadline);
    const std::function<void()> leave = [executor = executor_, weak = std::weak_ptr(connection)] {
      net::post(executor, [weak] {
        if (const auto alive = weak.lock()) alive->stream.close();
      });
    };
    const std::stop_callback leaving(limits.stop, leave);
    if (!reused) {
      const tcp::endpoint worker(net::ip::address_v4::loopback(), port_);
      const auto [failure] = co_await connection->stream.async_connect(worker, kAwait);
      if (failure) co_return error_of(failure, limits);
      error_code ignored;
      connection->stream.socket().set_option(tcp::no_delay(true), ignored);
    }
    Outcome outcome = co_await exchange(*connection, *request, limits, sink);
    const bool stale = reused && !outcome.answered && !outcome.reply &&
                       outcome.reply.error().code == ErrorCode::kUnavailable;
    if (stale) continue;
    if (outcome.keep_alive && idle_.size() < kMaxIdle) {
      connection->stream.expires_never();
      idle_.push_back(std::move(connection));
    }
    co_return std::move(outcome.reply);
  }
}

net::awaitable<WorkerClient::Outcome> WorkerClient::exchange(Connection& connection,
                                                             const WorkerRequest& request,
                                                             const CallLimits& limits, const PartSink& sink) {
  const std::string head = head_of(request);
  const std::array<net::const_buffer, 2> message = {net::buffer(head), net::buffer(request.body.reveal())};
  const auto [failure, size] = co_await net::async_write(connection.stream, message, kAwait);
  if (failure) co_return Outcome{error_of(failure, limits)};
  co_return co_await read_reply(connection, limits, sink);
}

net::awaitable<WorkerClient::Outcome> WorkerClient::read_reply(Connection& connection,
                                                               const CallLimits& limits,
                                                               const PartSink& sink) {
  std::optional<http::response_parser<http::buffer_body>> parser;
  do {  // interim answers are skipped
    parser.emplace();
    parser->body_limit(boost::none);
    const auto [failure, size] =
        co_await http::async_read_header(connection.stream, connection.buffer, *parser, kAwait);
    if (failure) co_return Outcome{error_of(failure, limits), size > 0};
  } while (parser->get().result_int() / 100 == 1);

  WorkerReply reply;
  reply.status = static_cast<int>(parser->get().result_int());
  for (const auto& field : parser->get()) {
    reply.fields.emplace_back(std::string(field.name_string()), std::string(field.value()));
  }
  std::string body;
  std::array<char, 16384> block;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by the parser
  while (!parser->is_done()) {
    auto& into = parser->get().body();
    into.data = block.data();
    into.size = block.size();
    into.more = true;
    auto [failure, size] =
        co_await http::async_read_some(connection.stream, connection.buffer, *parser, kAwait);
    if (failure && failure != http::error::need_buffer) {
      co_return Outcome{error_of(failure, limits), true};
    }
    const std::string_view part(block.data(), block.size() - into.size);
    if (part.empty()) continue;
    if (sink) {
      if (!sink(reply, part)) co_return Outcome{Error{ErrorCode::kCancelled, "The client left.", ""}, true};
      continue;
    }
    if (body.size() + part.size() > limits.max_reply_bytes) {
      co_return Outcome{Error{ErrorCode::kResourceExhausted, "The worker's answer is too large.", ""}, true};
    }
    body.append(part);
  }
  const bool keep_alive = parser->get().keep_alive();
  reply.body = ClinicalText(std::move(body));
  co_return Outcome{std::move(reply), true, keep_alive};
}

}  // namespace epicrisis::jobs
