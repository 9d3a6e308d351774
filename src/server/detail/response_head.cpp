#include "server/detail/response_head.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <iterator>
#include <string_view>

#include "base/check.hpp"

namespace epicrisis::server::detail {
namespace {

void append_field(fmt::memory_buffer& head, std::string_view name, std::string_view value) {
  EPICRISIS_CHECK(name.find_first_of("\r\n:") == std::string_view::npos);
  EPICRISIS_CHECK(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
  fmt::format_to(std::back_inserter(head), "{}: {}\r\n", name, value);
}

}  // namespace

std::string response_head(const Response& response, const Framing& framing) {
  fmt::memory_buffer head;
  fmt::format_to(std::back_inserter(head), "HTTP/1.1 {} {}\r\nDate: {:%a, %d %b %Y %H:%M:%S} GMT\r\n",
                 response.status, reason_phrase(response.status), fmt::gmtime(std::time(nullptr)));
  if (!response.content_type.empty()) append_field(head, "Content-Type", response.content_type);
  for (const Headers::Field& field : response.headers.fields()) append_field(head, field.name, field.value);
  if (framing.chunked) {
    append_field(head, "Transfer-Encoding", "chunked");
  } else if (framing.content_length) {
    fmt::format_to(std::back_inserter(head), "Content-Length: {}\r\n", *framing.content_length);
  }
  if (!framing.keep_alive) {
    append_field(head, "Connection", "close");
  } else if (framing.http_1_0) {
    append_field(head, "Connection", "keep-alive");
  }
  head.append(std::string_view("\r\n"));
  return fmt::to_string(head);
}

}  // namespace epicrisis::server::detail
