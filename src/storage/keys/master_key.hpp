#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace epicrisis::storage {

/// The key under which secrets are kept: 32 random bytes in a file that only its owner may read. Whoever has
/// the data folder without this file can read no secret.
class MasterKey {
 public:
  /// Reads the file, or creates it with mode 0600. Errors: kPermissionDenied when others may read it,
  /// kCorrupt when it is not 32 bytes.
  static Result<MasterKey> load_or_create(const std::filesystem::path& path);

  /// AES-256-GCM (NIST SP 800-38D): 12 bytes of nonce, the cipher text, 16 bytes of tag. `context` is
  /// authenticated and not stored: what was sealed for one purpose opens for no other.
  std::string seal(std::string_view secret, std::string_view context) const;
  /// Errors: kCorrupt when the bytes were changed, or sealed under another key or for another context.
  Result<std::string> open(std::string_view sealed, std::string_view context) const;
  /// A key of its own for one purpose: HMAC-SHA-256 of its name.
  std::string derive(std::string_view purpose) const;

 private:
  explicit MasterKey(std::string key) : key_(std::move(key)) {}
  std::string key_;
};

}  // namespace epicrisis::storage
