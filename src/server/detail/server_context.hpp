#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "server/detail/session_registry.hpp"
#include "server/detail/transport.hpp"
#include "server/limits.hpp"
#include "server/router.hpp"

namespace epicrisis::server::detail {

/// What the connections of one server share; it outlives them.
struct ServerContext {
  Limits limits;
  Router router;
  std::shared_ptr<TlsContext> tls;  ///< Null: plain HTTP.
  std::function<Response(int status, std::string_view message)> error_response;
  SessionRegistry sessions;
  std::atomic<bool> draining = false;
  std::atomic<std::uint64_t> requests = 0;        ///< Read so far; gives each its id.
  std::atomic<std::uint64_t> buffered_bytes = 0;  ///< Bodies held now, of all connections.
};

/// The share of ServerContext::buffered_bytes that one request's body takes.
class BodyReservation {
 public:
  explicit BodyReservation(ServerContext& context) : context_(context) {}
  BodyReservation(const BodyReservation&) = delete;
  BodyReservation& operator=(const BodyReservation&) = delete;
  ~BodyReservation() { context_.buffered_bytes -= size_bytes_; }

  /// False when all bodies together would be too large.
  bool grow_to(std::uint64_t size_bytes) {
    const std::uint64_t added = size_bytes - size_bytes_;
    size_bytes_ = size_bytes;
    return context_.buffered_bytes.fetch_add(added) + added <= context_.limits.max_buffered_bytes;
  }

 private:
  ServerContext& context_;
  std::uint64_t size_bytes_ = 0;
};

}  // namespace epicrisis::server::detail
