#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace epicrisis::api::s3 {

/// One of the checksums that x-amz-checksum-… names, over bytes given in pieces.
class Checksum {
 public:
  virtual ~Checksum() = default;
  virtual void update(std::string_view bytes) = 0;
  /// Base64, as the header has it.
  virtual std::string finish() = 0;
};

/// "crc32", "crc32c", "sha1", "sha256"; null for any other: an algorithm that is not known must not fail a
/// request.
std::unique_ptr<Checksum> make_checksum(std::string_view algorithm);

}  // namespace epicrisis::api::s3
