#pragma once

#include <filesystem>
#include <memory>

#include "base/file_lock.hpp"
#include "base/result.hpp"
#include "storage/keys/key_store.hpp"

namespace epicrisis::storage {

class AuditLog;
class Database;
class LogStore;
class ObjectStore;

/// Everything a server keeps, in one folder: metadata.sqlite, logs.sqlite, buckets/, audit/ and master.key.
/// docs/formats/data-folder.md.
class DataFolder {
 public:
  /// For a server: creates what is missing. Errors: kConflict when another server uses the folder.
  static Result<std::unique_ptr<DataFolder>> open_exclusively(const std::filesystem::path& folder);
  DataFolder(const DataFolder&) = delete;
  DataFolder& operator=(const DataFolder&) = delete;
  ~DataFolder();

  const std::filesystem::path& path() const noexcept;
  Database& database() noexcept;
  KeyStore& keys() noexcept;
  ObjectStore& objects() noexcept;
  LogStore& logs() noexcept;
  AuditLog& audit() noexcept;

 private:
  struct State;
  explicit DataFolder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// The keys of a data folder, beside a server that may use it.
class KeyFolder {
 public:
  static Result<KeyFolder> open(const std::filesystem::path& folder);
  KeyFolder(KeyFolder&&) noexcept;
  KeyFolder& operator=(KeyFolder&&) = delete;
  ~KeyFolder();
  KeyStore& keys() noexcept { return *keys_; }

 private:
  KeyFolder(std::unique_ptr<Database> database, std::unique_ptr<KeyStore> keys);
  std::unique_ptr<Database> database_;
  std::unique_ptr<KeyStore> keys_;
};

/// Where the audit log and the master key of a data folder lie.
std::filesystem::path audit_folder(const std::filesystem::path& folder);
std::filesystem::path master_key_file(const std::filesystem::path& folder);

}  // namespace epicrisis::storage
