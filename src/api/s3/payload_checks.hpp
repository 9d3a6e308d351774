#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/aws/authentication.hpp"
#include "api/s3/checksum.hpp"
#include "api/s3/exchange.hpp"
#include "base/digest.hpp"

namespace epicrisis::api::s3 {

/// Everything a client may say about a body, checked as the body passes: signature or hash, aws-chunked
/// framing, announced length, Content-MD5, x-amz-checksum-… in a header or a trailer.
class PayloadChecks {
 public:
  using Take = std::function<Result<void>(std::string_view)>;

  PayloadChecks(const Exchange& exchange, const aws::PayloadCheck& payload);
  /// Hands the body's own bytes to `take`. The answer when something is wrong already.
  std::optional<server::Response> feed(std::string_view bytes, const Take& take);
  /// `md5`: hex, of the body's own bytes.
  std::optional<server::Response> finish(const std::string& md5);
  /// "x-amz-checksum-crc32" → value, for those that were sent and found right.
  const std::map<std::string, std::string>& checksums() const noexcept { return verified_; }

 private:
  std::optional<server::Response> fault_of(const Error& error) const;
  std::optional<server::Response> check_checksums();

  const Exchange& exchange_;
  const aws::PayloadCheck payload_;
  std::optional<aws::ChunkedDecoder> decoder_;
  Digest sha256_{DigestKind::kSha256};
  std::uint64_t size_bytes_ = 0;
  std::map<std::string, std::unique_ptr<Checksum>> running_;  // by header name
  std::map<std::string, std::string> verified_;
};

}  // namespace epicrisis::api::s3
