#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/aws/uri.hpp"
#include "server/http.hpp"

namespace epicrisis::api::aws {

// Signature Version 4 ("AWS Signature Version 4 for API requests", AWS IAM User Guide): who sent a request,
// and that nobody changed it. Checking has three steps, so that each is done as early as the request allows:
// parse_signature() on the head, check_head() on the head, and verify() once the hash of the body is known.

/// Why a request is not taken as signed.
enum class SignatureFault {
  kMissing,        ///< No credentials at all.
  kUnreadable,     ///< The header cannot be read.
  kBadParameters,  ///< The presigned query cannot be read, or Expires is out of range.
  kUnsupported,    ///< Signature version 2.
  kUnknownKey,
  kWrong,           ///< Signature or scope.
  kClock,           ///< More than 15 minutes from the server's clock.
  kExpired,         ///< A presigned URL after its time.
  kUnsignedHeader,  ///< A header that has to be signed is not.
};

/// "<key>/<yyyymmdd>/<region>/<service>/aws4_request".
struct CredentialScope {
  std::string access_key_id;
  std::string date;
  std::string region;
  std::string service;

  /// Without the key.
  std::string to_string() const;
};

struct Signature {
  CredentialScope scope;
  std::vector<std::string> signed_headers;  ///< Lower case.
  std::string signature;                    ///< Hex as sent.
  std::string timestamp;                    ///< X-Amz-Date, "yyyymmddThhmmssZ".
  std::string payload_hash;                 ///< x-amz-content-sha256; empty when none was sent.
  bool presigned = false;
  std::chrono::seconds expires{};  ///< Presigned only.

  bool signs(std::string_view header) const;
  bool is_s3() const { return scope.service == "s3"; }
};

/// What of a request enters its signature.
struct RequestView {
  std::string_view method;
  std::string_view path;   ///< As sent.
  std::string_view query;  ///< As sent, without '?'.
  const server::Headers& headers;
};

inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

/// The signature that a request claims to have, from its header or its query.
std::variant<Signature, SignatureFault> parse_signature(const RequestView& request);

/// What can be told without the secret: time, expiry, headers that have to be signed.
std::optional<SignatureFault> check_head(const RequestView& request, const Signature& signature,
                                         std::chrono::system_clock::time_point now);

/// HMAC chain over date, region, service and "aws4_request": 32 bytes.
std::string signing_key(std::string_view secret, const CredentialScope& scope);

/// Hash of the canonical request: 64 hex digits. Exposed for tests.
std::string canonical_request(const RequestView& request, const Signature& signature,
                              std::string_view payload_hash);
std::string string_to_sign(const Signature& signature, std::string_view canonical);

/// Compares in constant time. `payload_hash`: what was sent, or the hex SHA-256 of the body where nothing
/// was.
bool verify(const RequestView& request, const Signature& signature, std::string_view key,
            std::string_view payload_hash);

}  // namespace epicrisis::api::aws
