#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clinical_text.hpp"
#include "base/error.hpp"

namespace epicrisis::server {

/// Header fields in order of arrival. Names compare without regard to case (RFC 9110, section 5.1).
class Headers {
 public:
  struct Field {
    std::string name;
    std::string value;
  };

  void add(std::string name, std::string value);
  /// The value of the first field called `name`.
  std::optional<std::string_view> find(std::string_view name) const;
  /// All values of `name` joined by ", " (RFC 9110, section 5.3); nothing when there is none.
  std::optional<std::string> joined(std::string_view name) const;
  const std::vector<Field>& fields() const noexcept { return fields_; }

 private:
  std::vector<Field> fields_;
};

class BodySource;

/// One request. Its target, header values and body may hold clinical text: none is logged.
struct Request {
  std::uint64_t id = 0;  ///< Counts the requests of a server from 1; the name of the request in the log.
  std::string method;    ///< As sent, "GET", "POST", …
  std::string path;      ///< Without query; as sent, not percent-decoded.
  std::string query;     ///< After '?', without it.
  Headers headers;
  ClinicalText body;  ///< Whole; empty when the route has a sink, which got it.
  std::string peer;   ///< Address of the client, without port.
};

/// One answer. Content-Length, Connection and Date are added by the server.
struct Response {
  int status = 200;
  std::string content_type;  ///< None is sent when empty.
  Headers headers;
  ClinicalText body;
  std::shared_ptr<BodySource> stream{};  ///< In place of `body`, for what should not be in memory whole.
};

/// "Not Found" for 404; "" for a status this server never sends.
std::string_view reason_phrase(int status) noexcept;

/// The status that tells a client about `code`. The only place that maps one to the other.
int http_status(ErrorCode code) noexcept;

/// Case-insensitive comparison of ASCII letters.
bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;

}  // namespace epicrisis::server
