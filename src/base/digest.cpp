#include "base/digest.hpp"

#include <nettle/hmac.h>
#include <nettle/md5.h>
#include <nettle/memops.h>
#include <nettle/nettle-meta.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <sys/random.h>

#include <cerrno>
#include <cstdint>

#include "base/check.hpp"

namespace epicrisis {
namespace {

const std::uint8_t* as_octets(std::string_view bytes) {
  return reinterpret_cast<const std::uint8_t*>(bytes.data());
}
std::uint8_t* as_octets(std::string& bytes) { return reinterpret_cast<std::uint8_t*>(bytes.data()); }

const nettle_hash& algorithm_of(DigestKind kind) {
  switch (kind) {
    case DigestKind::kMd5:
      return nettle_md5;
    case DigestKind::kSha1:
      return nettle_sha1;
    case DigestKind::kSha256:
      return nettle_sha256;
  }
  throw InvariantError("unknown kind of digest");
}

}  // namespace

struct Digest::State {
  const nettle_hash& algorithm;
  union {
    md5_ctx md5;
    sha1_ctx sha1;
    sha256_ctx sha256;
  } context{};
};

Digest::Digest(DigestKind kind) : state_(std::make_unique<State>(State{algorithm_of(kind)})) {
  state_->algorithm.init(&state_->context);
}
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;
Digest::~Digest() = default;

Digest& Digest::update(std::string_view bytes) {
  state_->algorithm.update(&state_->context, bytes.size(), as_octets(bytes));
  return *this;
}

std::string Digest::finish() {
  std::string digest(state_->algorithm.digest_size, '\0');
  state_->algorithm.digest(&state_->context, digest.size(), as_octets(digest));  // starts anew
  return digest;
}

std::string digest_of(DigestKind kind, std::string_view bytes) { return Digest(kind).update(bytes).finish(); }

std::string hmac_sha256(std::string_view key, std::string_view message) {
  hmac_sha256_ctx context;
  hmac_sha256_set_key(&context, key.size(), as_octets(key));
  hmac_sha256_update(&context, message.size(), as_octets(message));
  std::string code(SHA256_DIGEST_SIZE, '\0');
  hmac_sha256_digest(&context, code.size(), as_octets(code));
  return code;
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    text += kDigits[value >> 4U];
    text += kDigits[value & 15U];
  }
  return text;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && memeql_sec(a.data(), b.data(), a.size()) != 0;
}

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  for (std::size_t done = 0; done < count;) {
    const ssize_t got = ::getrandom(bytes.data() + done, count - done, 0);
    EPICRISIS_CHECK(got > 0 || errno == EINTR);
    if (got > 0) done += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace epicrisis
