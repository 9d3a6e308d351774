#include "storage/data_folder.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "base/files.hpp"
#include "storage/artifacts/local_object_store.hpp"
#include "storage/audit/audit_log.hpp"
#include "storage/logs/log_store.hpp"
#include "storage/metadata/database.hpp"

namespace epicrisis::storage {

namespace fs = std::filesystem;

namespace {

Result<void> make_private_folder(const fs::path& folder) {
  std::error_code failure;
  fs::create_directories(folder.parent_path(), failure);
  if (::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return system_error(errno, "create", folder);
}

}  // namespace

struct DataFolder::State {
  fs::path path;
  std::optional<FileLock> lock;
  std::unique_ptr<Database> database;
  std::unique_ptr<Database> logs_database;
  std::unique_ptr<KeyStore> keys;
  std::unique_ptr<AuditLog> audit;
  std::unique_ptr<LogStore> logs;
  std::unique_ptr<LocalObjectStore> objects;
};

fs::path audit_folder(const fs::path& folder) { return folder / "audit"; }
fs::path master_key_file(const fs::path& folder) { return folder / "master.key"; }

Result<std::unique_ptr<DataFolder>> DataFolder::open_exclusively(const fs::path& given) {
  const fs::path folder = fs::absolute(given).lexically_normal();
  EPICRISIS_RETURN_IF_ERROR(make_private_folder(folder));
  auto state = std::make_unique<State>();
  state->path = folder;
  EPICRISIS_ASSIGN_OR_RETURN(state->lock, FileLock::try_acquire(folder / "server.lock"));
  if (!state->lock)
    return Error{ErrorCode::kConflict, "Another server uses this data folder.", folder.string()};
  EPICRISIS_ASSIGN_OR_RETURN(const MasterKey master, MasterKey::load_or_create(master_key_file(folder)));
  EPICRISIS_ASSIGN_OR_RETURN(state->database,
                             Database::open(folder / "metadata.sqlite", metadata_migrations()));
  EPICRISIS_ASSIGN_OR_RETURN(state->logs_database, Database::open(folder / "logs.sqlite", logs_migrations(),
                                                                  Database::Durability::kProcessDeath));
  state->keys = std::make_unique<KeyStore>(*state->database, master);
  state->logs = std::make_unique<LogStore>(*state->logs_database);
  EPICRISIS_ASSIGN_OR_RETURN(state->audit, AuditLog::open(audit_folder(folder), master));
  EPICRISIS_ASSIGN_OR_RETURN(state->objects, LocalObjectStore::open(folder / "buckets", *state->database));
  return std::unique_ptr<DataFolder>(new DataFolder(std::move(state)));
}

DataFolder::DataFolder(std::unique_ptr<State> state) : state_(std::move(state)) {}
DataFolder::~DataFolder() = default;
const fs::path& DataFolder::path() const noexcept { return state_->path; }
Database& DataFolder::database() noexcept { return *state_->database; }
KeyStore& DataFolder::keys() noexcept { return *state_->keys; }
ObjectStore& DataFolder::objects() noexcept { return *state_->objects; }
LogStore& DataFolder::logs() noexcept { return *state_->logs; }
AuditLog& DataFolder::audit() noexcept { return *state_->audit; }

Result<KeyFolder> KeyFolder::open(const fs::path& given) {
  const fs::path folder = fs::absolute(given).lexically_normal();
  EPICRISIS_RETURN_IF_ERROR(make_private_folder(folder));
  EPICRISIS_ASSIGN_OR_RETURN(const MasterKey master, MasterKey::load_or_create(master_key_file(folder)));
  EPICRISIS_ASSIGN_OR_RETURN(std::unique_ptr<Database> database,
                             Database::open(folder / "metadata.sqlite", metadata_migrations()));
  auto keys = std::make_unique<KeyStore>(*database, master);
  return KeyFolder(std::move(database), std::move(keys));
}

KeyFolder::KeyFolder(std::unique_ptr<Database> database, std::unique_ptr<KeyStore> keys)
    : database_(std::move(database)), keys_(std::move(keys)) {}
KeyFolder::KeyFolder(KeyFolder&&) noexcept = default;
KeyFolder::~KeyFolder() = default;

}  // namespace epicrisis::storage
