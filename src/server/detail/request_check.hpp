#pragma once

#include <boost/beast/http/parser.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/detail/piece_body.hpp"
#include "server/http.hpp"

namespace epicrisis::server::detail {

using RequestParser = boost::beast::http::request_parser<PieceBody>;

/// An answer that the server gives in place of a handler.
struct Refusal {
  int status;
  std::string message;  ///< Never holds anything the client sent.
  bool close = true;    ///< The request was not read to its end, so nothing can follow it.
};

/// The path of a request target: without query, and without scheme and host if those were sent.
std::string_view path_of(std::string_view target);
/// The name of the method if it is a registered one, else "other": a made-up one is not for the log.
std::string_view known_method(const RequestParser& parser);
/// The client waits for "100 Continue" before it sends the body.
bool wants_continue(const RequestParser& parser);
/// Refuses, before the body is read, what cannot be read or is too large. The header is complete.
std::optional<Refusal> check_framing(const RequestParser& parser, std::uint64_t max_body_bytes);
Refusal too_large(std::uint64_t max_body_bytes);
/// The refusal for what is no HTTP/1.1.
Refusal unreadable(const boost::system::error_code& failure);
/// What to say with 404 and 405.
std::string refusal_message(int status);
/// The client is not there any more, so there is nobody to answer.
bool is_disconnection(const boost::system::error_code& failure);
/// The request without its body.
Request head_of(const RequestParser& parser, std::uint64_t id);

}  // namespace epicrisis::server::detail
