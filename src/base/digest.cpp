#include "base/digest.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>

#include "base/check.hpp"

namespace epicrisis {
namespace {

const EVP_MD* algorithm(DigestKind kind) {
  switch (kind) {
    case DigestKind::kMd5:
      return EVP_md5();
    case DigestKind::kSha1:
      return EVP_sha1();
    case DigestKind::kSha256:
      return EVP_sha256();
  }
  return nullptr;
}

}  // namespace

struct Digest::State {
  DigestKind kind;
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
};

Digest::Digest(DigestKind kind) : state_(std::make_unique<State>(State{kind})) {
  EPICRISIS_CHECK(EVP_DigestInit_ex(state_->context.get(), algorithm(kind), nullptr) == 1);
}
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;
Digest::~Digest() = default;

Digest& Digest::update(std::string_view bytes) {
  EPICRISIS_CHECK(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) == 1);
  return *this;
}

std::string Digest::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EPICRISIS_CHECK(EVP_DigestFinal_ex(state_->context.get(), digest.data(), &size) == 1);
  EPICRISIS_CHECK(EVP_DigestInit_ex(state_->context.get(), algorithm(state_->kind), nullptr) == 1);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

std::string digest_of(DigestKind kind, std::string_view bytes) { return Digest(kind).update(bytes).finish(); }

std::string hmac_sha256(std::string_view key, std::string_view message) {
  std::array<unsigned char, 32> code{};
  unsigned int size = 0;
  EPICRISIS_CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                       reinterpret_cast<const unsigned char*>(message.data()), message.size(), code.data(),
                       &size) != nullptr);
  return {reinterpret_cast<const char*>(code.data()), size};
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
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  EPICRISIS_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) == 1);
  return bytes;
}

}  // namespace epicrisis
