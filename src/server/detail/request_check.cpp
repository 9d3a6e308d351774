#include "server/detail/request_check.hpp"

#include <fmt/format.h>

#include <boost/asio/error.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>

namespace epicrisis::server::detail {

namespace http = boost::beast::http;

std::string_view path_of(std::string_view target) {
  const std::size_t scheme = target.find("://");
  if (!target.starts_with('/') && scheme != std::string_view::npos) {
    const std::size_t slash = target.find('/', scheme + 3);
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  return target.substr(0, target.find('?'));
}

std::string_view known_method(const RequestParser& parser) {
  const http::verb method = parser.get().method();
  return method == http::verb::unknown ? std::string_view("other")
                                       : std::string_view(http::to_string(method));
}

bool wants_continue(const RequestParser& parser) {
  return parser.get().version() >= 11 &&
         equals_ignoring_case(parser.get()[http::field::expect], "100-continue");
}

std::optional<Refusal> check_framing(const RequestParser& parser, std::uint64_t max_body_bytes) {
  const auto& request = parser.get();
  if (request.count(http::field::expect) != 0 && !wants_continue(parser) && request.version() >= 11) {
    return Refusal{417, "Only 'Expect: 100-continue' is supported."};
  }
  if (request.count(http::field::transfer_encoding) != 0 && !parser.chunked()) {
    return Refusal{501, "Only the transfer encoding 'chunked' is supported."};
  }
  if (const auto length = parser.content_length(); length && *length > max_body_bytes) {
    return too_large(max_body_bytes);
  }
  return std::nullopt;
}

Refusal too_large(std::uint64_t max_body_bytes) {
  return {413, fmt::format("The request's body is larger than {} bytes.", max_body_bytes)};
}

Refusal unreadable(const boost::system::error_code& failure) {
  if (failure == http::error::header_limit || failure == http::error::buffer_overflow) {
    return {431, "The request's header is too large."};
  }
  // Beast's own words ("bad method"), which hold nothing of the request.
  return {400, fmt::format("The request is not valid HTTP/1.1: {}.", failure.message())};
}

std::string refusal_message(int status) {
  return status == 405 ? "The method is not allowed for this path." : "There is nothing at this path.";
}

bool is_disconnection(const boost::system::error_code& failure) {
  return failure == http::error::end_of_stream || failure == http::error::partial_message ||
         failure.category() == boost::asio::error::get_system_category() ||
         failure == boost::asio::error::eof;
}

Request head_of(const RequestParser& parser, std::uint64_t id) {
  const auto& message = parser.get();
  Request request;
  request.id = id;
  request.method = std::string(message.method_string());
  const std::string_view target = message.target();
  request.path = std::string(path_of(target));
  if (const std::size_t mark = target.find('?'); mark != std::string_view::npos) {
    request.query = std::string(target.substr(mark + 1));
  }
  for (const auto& field : message) {
    request.headers.add(std::string(field.name_string()), std::string(field.value()));
  }
  return request;
}

}  // namespace epicrisis::server::detail
