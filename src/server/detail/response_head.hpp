#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "server/http.hpp"

namespace epicrisis::server::detail {

/// What the server, not the handler, decides about an answer.
struct Framing {
  bool keep_alive = true;
  bool http_1_0 = false;  ///< The client speaks HTTP/1.0 and must be told that the connection stays open.
  bool chunked = false;   ///< The body follows in chunks.
  std::optional<std::uint64_t> content_length{};
};

/// Status line and header fields of `response`, with the blank line after them. Throws InvariantError when a
/// field would break the framing (a line end in a value).
std::string response_head(const Response& response, const Framing& framing);

}  // namespace epicrisis::server::detail
