#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace epicrisis::server {

/// What one client, and all clients together, may take. Every wait for a peer has an end, so slow and
/// abandoned connections cost a socket for a while and nothing else.
struct Limits {
  std::uint32_t max_header_bytes = 32 * 1024;     ///< Request line and header fields; past it 431.
  std::uint64_t max_body_bytes = 6'291'456;       ///< One body, unless its route says otherwise; past it 413.
  std::uint64_t max_buffered_bytes = 512U << 20;  ///< The bodies of all requests together; past it 503.
  std::size_t max_pipelined_bytes = 64 * 1024;    ///< Read ahead while a request is being answered.
  std::size_t max_connections = 4096;  ///< At the limit the longest idle one makes room; if none is, 503.
  std::chrono::milliseconds idle_timeout{75'000};     ///< Between two requests of a connection.
  std::chrono::milliseconds header_timeout{10'000};   ///< From a request's first byte to its header's last.
  std::chrono::milliseconds body_timeout{60'000};     ///< For the whole body.
  std::chrono::milliseconds stall_timeout{30'000};    ///< Between two reads of a body that goes to a sink.
  std::chrono::milliseconds write_timeout{30'000};    ///< Without the client taking another byte.
  std::chrono::milliseconds request_timeout{60'000};  ///< For the answer, unless the route says otherwise.
  std::chrono::milliseconds linger_timeout{2'000};  ///< Reading on after an early answer, so that it arrives.
  std::chrono::milliseconds shutdown_grace{25'000};  ///< For running requests once shutdown was asked for.
};

}  // namespace epicrisis::server
