#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace epicrisis::testing {

/// An answer as it came over the wire.
struct HttpReply {
  int status = 0;                              ///< 0: the connection ended before an answer was complete.
  std::map<std::string, std::string> headers;  ///< Names in lower case.
  std::string body;
};

/// A TCP connection to a server on 127.0.0.1, used byte by byte, so that tests can misbehave as clients do.
/// Every read gives up after 30 seconds, which no test should take.
class HttpClient {
 public:
  explicit HttpClient(std::uint16_t port);
  HttpClient(HttpClient&& other) noexcept;
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  HttpClient& operator=(HttpClient&&) = delete;
  ~HttpClient();

  /// False when the peer does not take the bytes any more.
  bool send(std::string_view bytes);
  /// The next answer that is not "100 Continue". `to_head`: the answer to HEAD has no body.
  HttpReply read_reply(bool to_head = false);
  /// One header block as it is, without waiting for a body; empty when the connection ended.
  std::string read_head();
  /// Waits for the peer to close; false if it sends bytes instead or does nothing.
  bool is_closed_by_peer();
  /// Ends the sending half only.
  void end_input();
  /// Closes; with `reset` the peer sees a reset instead of an end.
  void close(bool reset = false);

 private:
  bool read_more();
  HttpReply read_chunks(HttpReply reply);
  int socket_ = -1;
  std::string buffer_;
};

/// "METHOD path HTTP/1.1" with Host, Content-Length when there is a body, and `fields` ("A: b\r\n" each).
std::string http_request(std::string_view method, std::string_view path, std::string_view body = {},
                         std::string_view fields = {});

/// Sends one request on a connection of its own.
HttpReply fetch(std::uint16_t port, std::string_view method, std::string_view path,
                std::string_view body = {}, std::string_view fields = {});

}  // namespace epicrisis::testing
