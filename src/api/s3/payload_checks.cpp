#include "api/s3/payload_checks.hpp"

#include <charconv>
#include <utility>

#include "text/unicode/base64.hpp"

namespace epicrisis::api::s3 {
namespace {

using server::Response;

constexpr std::string_view kPrefix = "x-amz-checksum-";

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

Response bad_digest(const Exchange& exchange) {
  return exchange.fault(400, "BadDigest", "The checksum you specified did not match what we received.");
}

}  // namespace

PayloadChecks::PayloadChecks(const Exchange& exchange, const aws::PayloadCheck& payload)
    : exchange_(exchange), payload_(payload) {
  if (payload.form == aws::PayloadCheck::Form::kChunked)
    decoder_.emplace(payload.signer, payload.has_trailer);
  const auto expect = [this](const std::string& name) {
    if (!name.starts_with(kPrefix)) return;
    if (auto checksum = make_checksum(std::string_view(name).substr(kPrefix.size()))) {
      running_[name] = std::move(checksum);
    }
  };
  for (const server::Headers::Field& field : exchange.request.headers.fields()) expect(lower(field.name));
  expect(lower(exchange.header("x-amz-trailer")));
}

std::optional<Response> PayloadChecks::fault_of(const Error& error) const {
  if (error.code == ErrorCode::kPermissionDenied) {
    return exchange_.fault(403, "SignatureDoesNotMatch", error.public_message);
  }
  if (error.code == ErrorCode::kInvalidArgument) {
    return exchange_.fault(400, "IncompleteBody", error.public_message);
  }
  return exchange_.fault(error);
}

std::optional<Response> PayloadChecks::feed(std::string_view bytes, const Take& take) {
  const Take counted = [&](std::string_view piece) {
    size_bytes_ += piece.size();
    for (auto& [name, checksum] : running_) checksum->update(piece);
    return take(piece);
  };
  if (payload_.form == aws::PayloadCheck::Form::kHash) sha256_.update(bytes);
  const Result<void> taken = decoder_ ? decoder_->feed(bytes, counted) : counted(bytes);
  if (!taken) return fault_of(taken.error());
  return std::nullopt;
}

std::optional<Response> PayloadChecks::finish(const std::string& md5) {
  if (decoder_) {
    if (const Result<void> ended = decoder_->finish(); !ended) return fault_of(ended.error());
    const std::string announced = exchange_.header("x-amz-decoded-content-length");
    std::uint64_t length = 0;
    const auto [end, failure] =
        std::from_chars(announced.data(), announced.data() + announced.size(), length);
    const bool readable = failure == std::errc() && end == announced.data() + announced.size();
    if (!readable || length != size_bytes_) {
      return exchange_.fault(400, "IncompleteBody",
                             "The body has not the length that x-amz-decoded-content-length says.");
    }
  }
  if (payload_.form == aws::PayloadCheck::Form::kHash &&
      !equal_in_constant_time(to_hex(sha256_.finish()), payload_.sha256)) {
    return exchange_.fault(400, "XAmzContentSHA256Mismatch",
                           "The provided 'x-amz-content-sha256' header does not match what was computed.");
  }
  if (const auto sent = exchange_.request.headers.find("content-md5")) {
    const auto decoded = decode_base64(*sent);
    if (!decoded || decoded->size() != 16) {
      return exchange_.fault(400, "InvalidDigest", "The Content-MD5 you specified is not valid.");
    }
    if (to_hex(*decoded) != md5) return bad_digest(exchange_);
  }
  return check_checksums();
}

std::optional<Response> PayloadChecks::check_checksums() {
  for (auto& [name, checksum] : running_) {
    std::string sent = exchange_.header(name);
    if (sent.empty() && decoder_) {
      const auto found = decoder_->trailer().find(name);
      if (found != decoder_->trailer().end()) sent = found->second;
    }
    if (sent.empty()) continue;
    if (checksum->finish() != sent) return bad_digest(exchange_);
    verified_[name] = sent;
  }
  return std::nullopt;
}

}  // namespace epicrisis::api::s3
