#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "storage/keys/master_key.hpp"

namespace epicrisis::storage {

class Database;

/// What the holder of a key may do; who does not stand here may do nothing. See docs/aws.md.
enum class Role {
  kAdmin,      ///< Everything.
  kEngineer,   ///< Data, models, endpoints, jobs and logs.
  kClinician,  ///< Invokes endpoints.
  kAuditor,    ///< Looks at resources and logs; sees no data and changes nothing.
};

std::string_view to_string(Role role) noexcept;
/// Errors: kInvalidArgument, naming the four.
Result<Role> parse_role(std::string_view name);

struct AccessKey {
  std::string id;
  Role role = Role::kClinician;
  std::chrono::system_clock::time_point created;
  bool disabled = false;
};

/// A key with its secret, which leaves the store in two cases: once when it is made, and to check a
/// signature.
struct AccessKeySecret {
  AccessKey key;
  std::string secret;
};

/// The access keys of a data folder. Secrets are sealed under the master key, bound to id and role: a role
/// that is changed in the file makes the key useless. Thread-safe; sees at once what another process changes.
class KeyStore {
 public:
  /// `database` outlives the store.
  KeyStore(Database& database, MasterKey master) : database_(database), master_(std::move(master)) {}

  Result<AccessKeySecret> create(Role role);
  /// In order of creation.
  Result<std::vector<AccessKey>> list() const;
  /// Errors: kNotFound. Disabling twice is no error.
  Result<void> disable(std::string_view id);
  /// Nothing for an id that does not exist or is disabled.
  Result<std::optional<AccessKeySecret>> find_active(std::string_view id) const;

 private:
  Database& database_;
  MasterKey master_;
};

}  // namespace epicrisis::storage
