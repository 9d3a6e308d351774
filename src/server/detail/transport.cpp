#include "server/detail/transport.hpp"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace epicrisis::server::detail {

namespace net = boost::asio;
namespace ssl = boost::asio::ssl;
using boost::system::error_code;

namespace {

constexpr auto kAwait = net::as_tuple(net::use_awaitable);

}  // namespace

class TlsContext {
 public:
  ssl::context context{ssl::context::tls_server};
};

Result<std::shared_ptr<TlsContext>> make_tls_context(const std::string& certificate_file,
                                                     const std::string& key_file) {
  const auto unusable = [](const char* what, const std::string& file, const error_code& failure) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("The {} '{}' cannot be used.", what, file),
                 failure.message()};
  };
  auto tls = std::make_shared<TlsContext>();
  error_code failure;
  tls->context.set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 |
                               ssl::context::no_sslv3 | ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1,
                           failure);
  if (!failure) tls->context.use_certificate_chain_file(certificate_file, failure);
  if (failure) return unusable("certificate", certificate_file, failure);
  tls->context.use_private_key_file(key_file, ssl::context::pem, failure);
  if (failure) return unusable("key", key_file, failure);
  if (::SSL_CTX_check_private_key(tls->context.native_handle()) != 1) {
    return unusable("key", key_file, failure);
  }
  return tls;
}

struct Transport::Tls {
  Tls(net::ip::tcp::socket& socket, std::shared_ptr<TlsContext> shared)
      : context(std::move(shared)), stream(socket, context->context) {}
  std::shared_ptr<TlsContext> context;
  ssl::stream<net::ip::tcp::socket&> stream;
};

Transport::Transport(net::ip::tcp::socket socket, const std::shared_ptr<TlsContext>& tls)
    : socket_(std::move(socket)), tls_(tls ? std::make_unique<Tls>(socket_, tls) : nullptr) {}

Transport::~Transport() = default;

net::awaitable<error_code> Transport::shake_hands() {
  if (!tls_) co_return error_code();
  const auto [failure] = co_await tls_->stream.async_handshake(ssl::stream_base::server, kAwait);
  co_return failure;
}

net::awaitable<Transport::Transfer> Transport::read_some(net::mutable_buffer buffer) {
  if (tls_) {
    auto [failure, size] = co_await tls_->stream.async_read_some(buffer, kAwait);
    // A peer that leaves without a goodbye ends HTTP like one that says it: lengths tell what is missing.
    if (failure == ssl::error::stream_truncated) failure = net::error::eof;
    co_return Transfer{failure, size};
  }
  const auto [failure, size] = co_await socket_.async_read_some(buffer, kAwait);
  co_return Transfer{failure, size};
}

net::awaitable<Transport::Transfer> Transport::write_some(net::const_buffer buffer) {
  if (tls_) {
    const auto [failure, size] = co_await tls_->stream.async_write_some(buffer, kAwait);
    co_return Transfer{failure, size};
  }
  const auto [failure, size] = co_await socket_.async_write_some(buffer, kAwait);
  co_return Transfer{failure, size};
}

net::awaitable<void> Transport::say_goodbye() {
  if (tls_) co_await tls_->stream.async_shutdown(kAwait);
}

}  // namespace epicrisis::server::detail
