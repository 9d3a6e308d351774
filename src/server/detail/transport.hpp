#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <memory>
#include <string>

#include "base/result.hpp"

namespace epicrisis::server::detail {

/// Certificate, key and settings of a server that speaks TLS.
class TlsContext;

/// TLS 1.2 or later. Errors: kInvalidArgument naming the file that cannot be used.
Result<std::shared_ptr<TlsContext>> make_tls_context(const std::string& certificate_file,
                                                     const std::string& key_file);

/// The bytes of a connection, over TLS or not. One read or write at a time; belongs to the socket's strand.
class Transport {
 public:
  struct Transfer {
    boost::system::error_code failure;
    std::size_t size = 0;
  };

  Transport(boost::asio::ip::tcp::socket socket, const std::shared_ptr<TlsContext>& tls);
  ~Transport();

  boost::asio::ip::tcp::socket& socket() noexcept { return socket_; }
  bool is_encrypted() const noexcept { return tls_ != nullptr; }
  boost::asio::awaitable<boost::system::error_code> shake_hands();
  boost::asio::awaitable<Transfer> read_some(boost::asio::mutable_buffer buffer);
  boost::asio::awaitable<Transfer> write_some(boost::asio::const_buffer buffer);
  /// Tells the peer that nothing follows, so that it can tell the end from a cut.
  boost::asio::awaitable<void> say_goodbye();

 private:
  struct Tls;
  boost::asio::ip::tcp::socket socket_;
  std::unique_ptr<Tls> tls_;
};

}  // namespace epicrisis::server::detail
