#include "storage/keys/master_key.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "base/check.hpp"
#include "base/descriptor.hpp"
#include "base/digest.hpp"
#include "base/files.hpp"
#include "base/folders.hpp"

namespace epicrisis::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

/// Written aside with its mode, linked into place: of two programs that start at once, one wins.
Result<void> create_key_file(const fs::path& path) {
  const std::string aside = path.string() + ".new-" + to_hex(random_bytes(8));
  {
    const Descriptor file(::open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (file.get() < 0) return system_error(errno, "create", path);
    const std::string key = random_bytes(kKeyBytes);
    const bool written = ::write(file.get(), key.data(), key.size()) == static_cast<ssize_t>(key.size());
    if (!written || ::fsync(file.get()) != 0) {
      const int failure = errno;
      ::unlink(aside.c_str());
      return system_error(failure, "write", path);
    }
  }
  const bool linked = ::link(aside.c_str(), path.c_str()) == 0;
  const int failure = errno;
  ::unlink(aside.c_str());
  if (!linked && failure != EEXIST) return system_error(failure, "create", path);
  return sync_to_disk(path.parent_path());
}

}  // namespace

Result<MasterKey> MasterKey::load_or_create(const fs::path& path) {
  if (!is_there(path)) EPICRISIS_RETURN_IF_ERROR(create_key_file(path));
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return system_error(errno, "read", path);
  if ((status.st_mode & 077U) != 0) {
    return Error{ErrorCode::kPermissionDenied,
                 fmt::format("Others may read the master key '{0}'; run: chmod 600 '{0}'.", path.string()),
                 ""};
  }
  EPICRISIS_ASSIGN_OR_RETURN(std::string key, read_file(path, 4096));
  if (key.size() != kKeyBytes) {
    return Error{ErrorCode::kCorrupt,
                 fmt::format("'{}' is no master key; restore it from a backup.", path.string()),
                 fmt::format("{} bytes instead of {}", key.size(), kKeyBytes)};
  }
  return MasterKey(std::move(key));
}

std::string MasterKey::seal(std::string_view secret, std::string_view context) const {
  const CipherContext cipher(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  std::string sealed = random_bytes(kNonceBytes);
  sealed.resize(kNonceBytes + secret.size() + kTagBytes);
  unsigned char* const text = bytes_of(sealed) + kNonceBytes;
  int size = 0;
  bool done =
      EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key_), bytes_of(sealed)) == 1;
  done = done && EVP_EncryptUpdate(cipher.get(), nullptr, &size, bytes_of(context),
                                   static_cast<int>(context.size())) == 1;
  done = done &&
         EVP_EncryptUpdate(cipher.get(), text, &size, bytes_of(secret), static_cast<int>(secret.size())) == 1;
  done = done && EVP_EncryptFinal_ex(cipher.get(), text + size, &size) == 1;
  done =
      done && EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, text + secret.size()) == 1;
  EPICRISIS_CHECK(done);
  return sealed;
}

Result<std::string> MasterKey::open(std::string_view sealed, std::string_view context) const {
  const Error damaged{ErrorCode::kCorrupt,
                      "A secret cannot be decrypted: it was changed, or the master key was.", ""};
  if (sealed.size() < kNonceBytes + kTagBytes) return damaged;
  const CipherContext cipher(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  std::string secret(sealed.size() - kNonceBytes - kTagBytes, '\0');
  std::string tag(sealed.substr(sealed.size() - kTagBytes));
  int size = 0;
  bool done =
      EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key_), bytes_of(sealed)) == 1;
  done = done && EVP_DecryptUpdate(cipher.get(), nullptr, &size, bytes_of(context),
                                   static_cast<int>(context.size())) == 1;
  done = done && EVP_DecryptUpdate(cipher.get(), bytes_of(secret), &size, bytes_of(sealed) + kNonceBytes,
                                   static_cast<int>(secret.size())) == 1;
  done = done && EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1;
  EPICRISIS_CHECK(done);
  if (EVP_DecryptFinal_ex(cipher.get(), bytes_of(secret) + size, &size) != 1) return damaged;
  return secret;
}

std::string MasterKey::derive(std::string_view purpose) const { return hmac_sha256(key_, purpose); }

}  // namespace epicrisis::storage
