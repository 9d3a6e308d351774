#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace epicrisis::detail {

/// Status and header fields of one answer.
struct HttpHead {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> fields;  ///< Names in lower case, values trimmed.
  std::string redirect_url;                                 ///< Absolute, of a 3xx with a Location.

  /// The first field called `name` (lower case).
  std::optional<std::string_view> find(std::string_view name) const;
};

/// Signature Version 4 of Amazon's services, made by libcurl.
struct AwsSigning {
  std::string service;  ///< "s3".
  std::string region;
  std::string access_key_id;
  std::string secret_access_key;
};

struct HttpRequest {
  bool head_only = false;  ///< HEAD instead of GET.
  std::string url;
  std::vector<std::string> fields;                   ///< "Name: value" each.
  std::optional<AwsSigning> signing = std::nullopt;  ///< Covers the fields that begin with "x-amz-".
};

/// Takes one answer as it arrives. An Error ends the transfer and is what get() returns.
class HttpSink {
 public:
  virtual ~HttpSink() = default;
  /// The answer's head; before any of its body.
  virtual Result<void> begin(const HttpHead& head) = 0;
  virtual Result<void> take(std::span<const std::byte> bytes) = 0;
};

struct HttpClientOptions {
  std::chrono::seconds connect_timeout{30};
  std::chrono::seconds stall_timeout{60};  ///< A transfer that brings nothing for so long is broken.
  std::string ca_file;                     ///< Certificates to trust, PEM; empty: the system's.
  std::function<bool()> cancelled;         ///< Asked several times a second while a transfer runs.
};

/// HTTP and HTTPS requests through libcurl, which this class's source file alone knows. Certificates are
/// always verified, redirects never followed, bodies never decoded; proxies are taken from the environment
/// (https_proxy, no_proxy) as curl does. Connections are kept between requests. Not thread-safe.
class HttpClient {
 public:
  static Result<HttpClient> create(HttpClientOptions options);
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;
  ~HttpClient();

  /// Sends one request; `sink` gets the answer, whatever its status. Errors: kUnavailable when the peer
  /// cannot be reached or the connection breaks, kPermissionDenied for a certificate that is not trusted,
  /// kCancelled, kInvalidArgument for a URL that is none, and those of `sink`.
  Result<void> send(const HttpRequest& request, HttpSink& sink);

 private:
  struct State;
  explicit HttpClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// A URL taken apart as the client does it, for decisions about it.
struct UrlParts {
  std::string origin;  ///< "https://hub.example:443": scheme, host and port, in lower case.
  bool is_encrypted = false;
  bool is_loopback = false;
  bool has_credentials = false;  ///< A user or password before the host.
  bool has_query = false;        ///< A query or a fragment.
};

/// Errors: kInvalidArgument for what is no http or https URL.
Result<UrlParts> parse_url(const std::string& url);

/// `text` with all but unreserved characters (RFC 3986, section 2.3) and those of `kept` percent-encoded.
std::string percent_encoded(std::string_view text, std::string_view kept = {});

/// A Retry-After value: seconds, or an HTTP date from `now` on. Nothing when it is neither.
std::optional<std::chrono::seconds> parse_retry_after(const std::string& value,
                                                      std::chrono::system_clock::time_point now);

}  // namespace epicrisis::detail
