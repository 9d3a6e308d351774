#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/tls_identity.hpp"

namespace epicrisis::testing {

/// A request as a ScriptedServer got it.
struct SeenRequest {
  std::string method;
  std::string target;                          ///< Path and query, not decoded.
  std::map<std::string, std::string> headers;  ///< Names in lower case.
  std::size_t body_bytes_sent = 0;             ///< Of the answer.
};

struct ScriptedReply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> fields;  ///< Content-Length is added.
  std::string body;
  /// Closes the connection after so many bytes of the body.
  std::optional<std::size_t> break_after;
};

/// An HTTP/1.1 server on 127.0.0.1, over TLS when it has an identity, whose answers a function decides. It
/// serves one connection at a time, one request on each, so that what a test sees does not depend on timing.
/// Destroyed, it waits for its thread.
class ScriptedServer {
 public:
  using Script = std::function<ScriptedReply(const SeenRequest&)>;

  explicit ScriptedServer(Script script, std::optional<TlsIdentity> identity = {});
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;
  ~ScriptedServer();

  std::uint16_t port() const noexcept { return port_; }
  /// "http://HOST:PORT", or https.
  std::string url(const std::string& host = "127.0.0.1") const;
  /// All requests so far, in order.
  std::vector<SeenRequest> requests() const;

 private:
  class Connection;
  struct TlsContext;
  void serve();
  void answer(Connection& connection);

  Script script_;
  std::unique_ptr<TlsContext> tls_;  ///< Null without TLS.
  int listener_ = -1;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::vector<SeenRequest> requests_;  // guarded by mutex_
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace epicrisis::testing
