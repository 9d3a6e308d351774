#include "api/aws/authentication.hpp"

#include <utility>

#include "base/digest.hpp"
#include "base/log.hpp"

namespace epicrisis::api::aws {
namespace {

std::optional<PayloadCheck> payload_check(const Signature& signature, const std::string& key) {
  PayloadCheck check;
  const std::string_view hash = signature.payload_hash;
  if (hash.empty() || hash == kUnsignedPayload) return check;
  if (!hash.starts_with("STREAMING-")) {
    check.form = PayloadCheck::Form::kHash;
    check.sha256 = std::string(hash);
    return check;
  }
  check.form = PayloadCheck::Form::kChunked;
  check.has_trailer = hash.ends_with("-TRAILER");
  if (hash == "STREAMING-UNSIGNED-PAYLOAD-TRAILER") return check;
  if (hash != "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" && hash != "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER") {
    return std::nullopt;
  }
  check.signer = ChunkSigner{key, signature.timestamp, signature.scope.to_string(), signature.signature};
  return check;
}

}  // namespace

std::variant<Authenticated, SignatureFault> authenticate(const RequestView& request,
                                                         const storage::KeyStore& keys,
                                                         std::chrono::system_clock::time_point now) {
  auto parsed = parse_signature(request);
  if (const auto* fault = std::get_if<SignatureFault>(&parsed)) return *fault;
  Authenticated who;
  who.signature = std::get<Signature>(std::move(parsed));
  const auto key = keys.find_active(who.signature.scope.access_key_id);
  if (!key) log::error("auth.key_store_failed", {{"code", log::Word(to_string(key.error().code))}});
  if (!key || !*key) return SignatureFault::kUnknownKey;
  if (const auto fault = check_head(request, who.signature, now)) return *fault;
  who.caller = {(*key)->key.id, (*key)->key.role};
  who.key = signing_key((*key)->secret, who.signature.scope);
  const auto payload = payload_check(who.signature, who.key);
  if (!payload) return SignatureFault::kWrong;
  who.payload = *payload;
  who.needs_body_hash = who.signature.payload_hash.empty();
  if (who.needs_body_hash) return who;
  if (!verify(request, who.signature, who.key, who.signature.payload_hash)) return SignatureFault::kWrong;
  return who;
}

std::optional<SignatureFault> check_body(const RequestView& request, const Authenticated& who,
                                         std::string_view body) {
  if (!who.needs_body_hash && who.payload.form == PayloadCheck::Form::kUnsigned) return std::nullopt;
  if (who.payload.form == PayloadCheck::Form::kChunked) return SignatureFault::kWrong;
  const std::string hash = to_hex(digest_of(DigestKind::kSha256, body));
  const bool right = who.needs_body_hash ? verify(request, who.signature, who.key, hash)
                                         : equal_in_constant_time(hash, who.payload.sha256);
  return right ? std::nullopt : std::optional(SignatureFault::kWrong);
}

Fault fault_of(SignatureFault fault, Protocol protocol) {
  const bool s3 = protocol == Protocol::kS3;
  const bool query = protocol == Protocol::kQuery;
  const auto named = [&](const char* in_s3, const char* in_json, const char* in_query) {
    return std::string(s3 ? in_s3 : query ? in_query : in_json);
  };
  switch (fault) {
    case SignatureFault::kMissing:
      return {403, named("AccessDenied", "MissingAuthenticationTokenException", "MissingAuthenticationToken"),
              s3 ? "Access Denied" : "Missing Authentication Token"};
    case SignatureFault::kUnknownKey:
      return {403, named("InvalidAccessKeyId", "UnrecognizedClientException", "InvalidClientTokenId"),
              s3 ? "The AWS Access Key Id you provided does not exist in our records."
                 : "The security token included in the request is invalid."};
    case SignatureFault::kClock:
      return {403, named("RequestTimeTooSkewed", "InvalidSignatureException", "SignatureDoesNotMatch"),
              "The difference between the request time and the current time is too large: Signature expired "
              "or not "
              "yet current."};
    case SignatureFault::kUnreadable:
      return {s3 ? 400 : 403,
              named("AuthorizationHeaderMalformed", "IncompleteSignatureException", "IncompleteSignature"),
              "The authorization header is malformed."};
    case SignatureFault::kBadParameters:
      return {
          400,
          named("AuthorizationQueryParametersError", "IncompleteSignatureException", "IncompleteSignature"),
          "The query parameters of the signature are incomplete or out of range."};
    case SignatureFault::kUnsupported:
      return {400, named("InvalidRequest", "IncompleteSignatureException", "IncompleteSignature"),
              "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."};
    case SignatureFault::kExpired:
      return {403, named("AccessDenied", "InvalidSignatureException", "SignatureDoesNotMatch"),
              "Request has expired"};
    case SignatureFault::kUnsignedHeader:
      return {403, named("AccessDenied", "InvalidSignatureException", "SignatureDoesNotMatch"),
              "There were headers present in the request which were not signed"};
    case SignatureFault::kWrong:
      break;
  }
  return {
      403, named("SignatureDoesNotMatch", "InvalidSignatureException", "SignatureDoesNotMatch"),
      "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
      "Access Key and signing method."};
}

}  // namespace epicrisis::api::aws
