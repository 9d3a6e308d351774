#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "server/http.hpp"
#include "server/limits.hpp"
#include "server/router.hpp"

namespace epicrisis::server {

/// Where to listen: a numeric address and a port; port 0 lets the system choose.
struct Endpoint {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;

  bool is_loopback() const;
  /// "127.0.0.1:8080" or "[::1]:8080".
  std::string to_string() const;
};

/// Reads "ADDR:PORT", "[ADDR6]:PORT", "localhost:PORT" or ":PORT" (loopback). Errors: kInvalidArgument.
Result<Endpoint> parse_endpoint(std::string_view text);

/// Files in PEM: the certificate with its chain, and its key.
struct TlsFiles {
  std::string certificate;
  std::string key;
};

struct ServerOptions {
  Endpoint endpoint;
  std::optional<TlsFiles> tls{};  ///< TLS 1.2 or later in place of plain HTTP.
  Limits limits;
  std::size_t io_threads = 1;
  bool shutdown_on_signals = false;  ///< SIGTERM and SIGINT: the first drains, the second ends at once.
  /// Makes the body of an answer that comes from the server itself (404, 413 …). Default: a line of text.
  std::function<Response(int status, std::string_view message)> error_response;
};

/// An HTTP/1.1 server (RFC 9110, RFC 9112): keep-alive also after errors, pipelining, chunked request bodies,
/// Expect: 100-continue, HEAD.
///
/// Threads: run() blocks; port(), shutdown() and shutdown_now() may be called from any thread. Threads that
/// hold a Responder must have ended before the Server dies.
class Server {
 public:
  /// Binds and listens: from now on clients can connect, and are served once run() is called.
  /// Errors: kConflict when the port is taken, kPermissionDenied, kInvalidArgument for no usable address
  /// or TLS files that cannot be used.
  static Result<std::unique_ptr<Server>> listen(ServerOptions options, Router router);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  const Endpoint& endpoint() const noexcept;  ///< With the port the system chose.
  /// Serves until a shutdown has ended.
  void run();
  /// Stops accepting, closes idle connections, lets running requests end (for Limits::shutdown_grace at
  /// most).
  void shutdown();
  /// Requests stop of every handler and closes every connection.
  void shutdown_now();

 private:
  class Listener;
  explicit Server(std::unique_ptr<Listener> listener);
  std::unique_ptr<Listener> listener_;
};

}  // namespace epicrisis::server
