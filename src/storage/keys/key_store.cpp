#include "storage/keys/key_store.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/digest.hpp"
#include "storage/metadata/database.hpp"

namespace epicrisis::storage {
namespace {

constexpr std::array<std::pair<Role, std::string_view>, 4> kRoles = {{{Role::kAdmin, "admin"},
                                                                      {Role::kEngineer, "engineer"},
                                                                      {Role::kClinician, "clinician"},
                                                                      {Role::kAuditor, "auditor"}}};

/// `count` characters of `alphabet`, whose size divides 256: each as likely as any other.
std::string random_text(std::size_t count, std::string_view alphabet) {
  std::string text;
  for (const char byte : random_bytes(count))
    text += alphabet[static_cast<unsigned char>(byte) % alphabet.size()];
  return text;
}

std::string seal_context(std::string_view id, Role role) {
  return fmt::format("access key {} {}", id, to_string(role));
}

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Result<AccessKey> key_of(const Row& row) {
  EPICRISIS_ASSIGN_OR_RETURN(const Role role, parse_role(row[1].text()));
  return AccessKey{row[0].text(), role,
                   std::chrono::system_clock::time_point(std::chrono::milliseconds(row[2].integer())),
                   !row[3].is_null()};
}

}  // namespace

std::string_view to_string(Role role) noexcept {
  for (const auto& [known, name] : kRoles) {
    if (known == role) return name;
  }
  return "none";
}

Result<Role> parse_role(std::string_view name) {
  for (const auto& [role, known] : kRoles) {
    if (known == name) return role;
  }
  return Error{ErrorCode::kInvalidArgument, "A role is one of admin, engineer, clinician and auditor.", ""};
}

Result<AccessKeySecret> KeyStore::create(Role role) {
  AccessKeySecret made;
  made.key.id = "EPIC" + random_text(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
  made.key.role = role;
  const std::int64_t now = now_ms();
  made.key.created = std::chrono::system_clock::time_point(std::chrono::milliseconds(now));
  made.secret = random_text(40, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
  const std::string sealed = master_.seal(made.secret, seal_context(made.key.id, role));
  EPICRISIS_RETURN_IF_ERROR(database_.write([&](Transaction& transaction) -> Result<void> {
    transaction.execute("INSERT INTO access_keys (id, role, secret, created_ms) VALUES (?, ?, ?, ?)",
                        {made.key.id, to_string(role), Blob{sealed}, now});
    return {};
  }));
  return made;
}

Result<std::vector<AccessKey>> KeyStore::list() const {
  return database_.read([](Transaction& transaction) -> Result<std::vector<AccessKey>> {
    std::vector<AccessKey> keys;
    for (const Row& row : transaction.query(
             "SELECT id, role, created_ms, disabled_ms FROM access_keys ORDER BY created_ms, id")) {
      EPICRISIS_ASSIGN_OR_RETURN(AccessKey key, key_of(row));
      keys.push_back(std::move(key));
    }
    return keys;
  });
}

Result<void> KeyStore::disable(std::string_view id) {
  return database_.write([&](Transaction& transaction) -> Result<void> {
    const int changed = transaction.execute(
        "UPDATE access_keys SET disabled_ms = coalesce(disabled_ms, ?) WHERE id = ?", {now_ms(), id});
    if (changed == 1) return {};
    return Error{ErrorCode::kNotFound, "There is no such access key; 'epicrisis key list' shows all.", ""};
  });
}

Result<std::optional<AccessKeySecret>> KeyStore::find_active(std::string_view id) const {
  using Found = std::optional<AccessKeySecret>;
  return database_.read([&](Transaction& transaction) -> Result<Found> {
    const auto row = transaction.query_one(
        "SELECT id, role, created_ms, disabled_ms, secret FROM access_keys WHERE id = ?", {id});
    if (!row || !(*row)[3].is_null()) return Found();
    EPICRISIS_ASSIGN_OR_RETURN(AccessKey key, key_of(*row));
    EPICRISIS_ASSIGN_OR_RETURN(std::string secret,
                               master_.open((*row)[4].text(), seal_context(key.id, key.role)));
    return Found(AccessKeySecret{std::move(key), std::move(secret)});
  });
}

}  // namespace epicrisis::storage
