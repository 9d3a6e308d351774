#include "api/s3/checksum.hpp"

#include <zlib.h>

#include <boost/crc.hpp>

#include "base/digest.hpp"
#include "text/unicode/base64.hpp"

namespace epicrisis::api::s3 {
namespace {

std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8)
    bytes += static_cast<char>(value >> static_cast<unsigned>(shift));
  return encode_base64(bytes);
}

class Crc32 final : public Checksum {
 public:
  void update(std::string_view bytes) override {
    value_ = ::crc32_z(value_, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  }
  std::string finish() override { return big_endian(static_cast<std::uint32_t>(value_)); }

 private:
  uLong value_ = 0;
};

/// Castagnoli's polynomial (RFC 3720, appendix B.4).
class Crc32c final : public Checksum {
 public:
  void update(std::string_view bytes) override { crc_.process_bytes(bytes.data(), bytes.size()); }
  std::string finish() override { return big_endian(crc_.checksum()); }

 private:
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc_;
};

class Sha final : public Checksum {
 public:
  explicit Sha(DigestKind kind) : digest_(kind) {}
  void update(std::string_view bytes) override { digest_.update(bytes); }
  std::string finish() override { return encode_base64(digest_.finish()); }

 private:
  Digest digest_;
};

}  // namespace

std::unique_ptr<Checksum> make_checksum(std::string_view algorithm) {
  if (algorithm == "crc32") return std::make_unique<Crc32>();
  if (algorithm == "crc32c") return std::make_unique<Crc32c>();
  if (algorithm == "sha1") return std::make_unique<Sha>(DigestKind::kSha1);
  if (algorithm == "sha256") return std::make_unique<Sha>(DigestKind::kSha256);
  return nullptr;
}

}  // namespace epicrisis::api::s3
