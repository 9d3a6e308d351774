#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace epicrisis {

enum class DigestKind { kMd5, kSha1, kSha256 };

/// A digest over bytes given in pieces, as raw bytes. MD5 (RFC 1321) and SHA-1 only where a protocol asks for
/// them: against accidents, not against forgers.
class Digest {
 public:
  explicit Digest(DigestKind kind);
  Digest(Digest&&) noexcept;
  Digest& operator=(Digest&&) noexcept;
  ~Digest();

  Digest& update(std::string_view bytes);
  /// 16, 20 or 32 bytes. The object starts anew.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string digest_of(DigestKind kind, std::string_view bytes);
/// HMAC-SHA-256 (RFC 2104), 32 bytes.
std::string hmac_sha256(std::string_view key, std::string_view message);

/// Lower-case hex digits.
std::string to_hex(std::string_view bytes);
/// Compares in a time that depends on the lengths only.
bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;
/// Bytes that nobody can guess. Throws InvariantError when the system has none.
std::string random_bytes(std::size_t count);

}  // namespace epicrisis
