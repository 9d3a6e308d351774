#include "api/aws/sigv4.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <map>

#include "base/digest.hpp"

namespace epicrisis::api::aws {
namespace {

using std::chrono::seconds;

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr seconds kMaxSkew = std::chrono::minutes(15);
constexpr seconds kMaxExpiry{604'800};

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

/// Without outer blanks, runs of blanks inside made one.
std::string squeezed(std::string_view value) {
  std::string result;
  for (const char c : value) {
    const bool blank = c == ' ' || c == '\t';
    if (blank && (result.empty() || result.back() == ' ')) continue;
    result += blank ? ' ' : c;
  }
  if (!result.empty() && result.back() == ' ') result.pop_back();
  return result;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool is_hex(std::string_view text, std::size_t size) {
  return text.size() == size && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::optional<CredentialScope> parse_scope(std::string_view text) {
  const std::vector<std::string> parts = split(text, '/');
  if (parts.size() != 5 || parts[4] != "aws4_request") return std::nullopt;
  for (const std::string& part : parts) {
    if (part.empty()) return std::nullopt;
  }
  if (parts[1].size() != 8 || parts[1].find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  return CredentialScope{parts[0], parts[1], parts[2], parts[3]};
}

/// "yyyymmddThhmmssZ".
std::optional<std::chrono::system_clock::time_point> parse_timestamp(const std::string& text) {
  std::tm time{};
  if (text.size() != 16) return std::nullopt;
  const char* end = ::strptime(text.c_str(), "%Y%m%dT%H%M%SZ", &time);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return std::chrono::system_clock::from_time_t(::timegm(&time));
}

bool fill(Signature& signature, std::string_view credential, std::string_view headers, std::string_view hex) {
  const auto scope = parse_scope(credential);
  if (!scope || headers.empty() || !is_hex(hex, 64)) return false;
  signature.scope = *scope;
  signature.signed_headers = split(lower(headers), ';');
  signature.signature = std::string(hex);
  return parse_timestamp(signature.timestamp).has_value();
}

std::variant<Signature, SignatureFault> from_header(const RequestView& request, std::string_view value) {
  if (value.starts_with("AWS ")) return SignatureFault::kUnsupported;
  if (!value.starts_with(kAlgorithm)) return SignatureFault::kUnreadable;
  value.remove_prefix(kAlgorithm.size());
  std::map<std::string, std::string, std::less<>> fields;
  for (const std::string& part : split(value, ',')) {
    const std::string_view field = trimmed(part);
    const std::size_t equals = field.find('=');
    if (equals != std::string_view::npos) fields.emplace(field.substr(0, equals), field.substr(equals + 1));
  }
  Signature signature;
  signature.timestamp = std::string(request.headers.find("x-amz-date").value_or(""));
  if (signature.timestamp.empty())
    signature.timestamp = std::string(request.headers.find("date").value_or(""));
  signature.payload_hash = std::string(request.headers.find("x-amz-content-sha256").value_or(""));
  if (!fill(signature, fields["Credential"], fields["SignedHeaders"], fields["Signature"])) {
    return SignatureFault::kUnreadable;
  }
  return signature;
}

std::variant<Signature, SignatureFault> from_query(const Parameters& query) {
  const auto value = [&](std::string_view name) { return find(query, name).value_or(""); };
  Signature signature;
  signature.presigned = true;
  signature.timestamp = std::string(value("X-Amz-Date"));
  signature.payload_hash = std::string(kUnsignedPayload);
  if (value("X-Amz-Algorithm") != kAlgorithm ||
      !fill(signature, value("X-Amz-Credential"), value("X-Amz-SignedHeaders"), value("X-Amz-Signature"))) {
    return SignatureFault::kBadParameters;
  }
  const std::string_view expires = value("X-Amz-Expires");
  std::int64_t count = 0;
  const auto [end, failure] = std::from_chars(expires.data(), expires.data() + expires.size(), count);
  if (failure != std::errc() || end != expires.data() + expires.size() || count < 1 ||
      seconds(count) > kMaxExpiry) {
    return SignatureFault::kBadParameters;
  }
  signature.expires = seconds(count);
  return signature;
}

std::string canonical_query(std::string_view query, bool presigned) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (auto& [name, value] : parse_query(query).value_or(Parameters())) {
    if (presigned && name == "X-Amz-Signature") continue;
    pairs.emplace_back(percent_encode(name), percent_encode(value));
  }
  std::sort(pairs.begin(), pairs.end());
  std::string canonical;
  for (const auto& [name, value] : pairs) {
    canonical += fmt::format("{}{}={}", canonical.empty() ? "" : "&", name, value);
  }
  return canonical;
}

std::string canonical_headers(const RequestView& request, const Signature& signature) {
  std::string canonical;
  for (const std::string& name : signature.signed_headers) {
    canonical += name + ":";
    bool first = true;
    for (const server::Headers::Field& field : request.headers.fields()) {
      if (!server::equals_ignoring_case(field.name, name)) continue;
      if (!first) canonical += ',';
      canonical += squeezed(field.value);
      first = false;
    }
    canonical += "\n";
  }
  return canonical;
}

}  // namespace

std::string CredentialScope::to_string() const {
  return fmt::format("{}/{}/{}/aws4_request", date, region, service);
}

bool Signature::signs(std::string_view header) const {
  return std::find(signed_headers.begin(), signed_headers.end(), header) != signed_headers.end();
}

std::variant<Signature, SignatureFault> parse_signature(const RequestView& request) {
  if (const auto header = request.headers.find("authorization")) return from_header(request, *header);
  if (request.query.find("X-Amz-") != std::string_view::npos ||
      request.query.find("AWSAccessKeyId=") != std::string_view::npos) {
    const auto query = parse_query(request.query);
    if (!query) return SignatureFault::kBadParameters;
    if (find(*query, "AWSAccessKeyId")) return SignatureFault::kUnsupported;
    for (const char* name : {"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature"}) {
      if (find(*query, name)) return from_query(*query);
    }
  }
  return SignatureFault::kMissing;
}

std::optional<SignatureFault> check_head(const RequestView& request, const Signature& signature,
                                         std::chrono::system_clock::time_point now) {
  const auto time = parse_timestamp(signature.timestamp);
  if (!time) return SignatureFault::kUnreadable;
  if (signature.scope.date != std::string_view(signature.timestamp).substr(0, 8))
    return SignatureFault::kWrong;
  if (signature.presigned) {
    if (now > *time + signature.expires) return SignatureFault::kExpired;
    if (*time > now + kMaxSkew) return SignatureFault::kClock;
  } else if (now > *time + kMaxSkew || *time > now + kMaxSkew) {
    return SignatureFault::kClock;
  }
  if (!signature.signs("host")) return SignatureFault::kUnsignedHeader;
  for (const server::Headers::Field& field : request.headers.fields()) {
    const std::string name = lower(field.name);
    if (signature.is_s3() && name.starts_with("x-amz-") && !signature.signs(name)) {
      return SignatureFault::kUnsignedHeader;
    }
  }
  return std::nullopt;
}

std::string signing_key(std::string_view secret, const CredentialScope& scope) {
  std::string key = "AWS4" + std::string(secret);
  for (const std::string_view step : {std::string_view(scope.date), std::string_view(scope.region),
                                      std::string_view(scope.service), std::string_view("aws4_request")}) {
    key = hmac_sha256(key, step);
  }
  return key;
}

std::string canonical_request(const RequestView& request, const Signature& signature,
                              std::string_view payload_hash) {
  const std::string path = signature.is_s3() ? std::string(request.path) : percent_encode(request.path, "/");
  std::string names;
  for (const std::string& name : signature.signed_headers) {
    if (!names.empty()) names += ';';
    names += name;
  }
  return fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, path.empty() ? "/" : path,
                     canonical_query(request.query, signature.presigned),
                     canonical_headers(request, signature), names, payload_hash);
}

std::string string_to_sign(const Signature& signature, std::string_view canonical) {
  return fmt::format("{}\n{}\n{}\n{}", kAlgorithm, signature.timestamp, signature.scope.to_string(),
                     to_hex(digest_of(DigestKind::kSha256, canonical)));
}

bool verify(const RequestView& request, const Signature& signature, std::string_view key,
            std::string_view payload_hash) {
  const std::string canonical = canonical_request(request, signature, payload_hash);
  const std::string expected = to_hex(hmac_sha256(key, string_to_sign(signature, canonical)));
  return equal_in_constant_time(expected, signature.signature);
}

}  // namespace epicrisis::api::aws
