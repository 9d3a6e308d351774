#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "storage/artifacts/blob_folder.hpp"
#include "storage/artifacts/object_store.hpp"

namespace epicrisis::storage {

class Database;
class Transaction;

/// Objects as files of a folder, their names and all else in the metadata store. An object appears, changes
/// and goes in one transaction; its bytes are on disk before that. docs/formats/data-folder.md has the
/// layout.
class LocalObjectStore final : public ObjectStore {
 public:
  /// Creates the folder where it is missing. A thread deletes what killed writes left. `database` outlives
  /// the store.
  static Result<std::unique_ptr<LocalObjectStore>> open(const std::filesystem::path& folder,
                                                        Database& database);
  ~LocalObjectStore() override;

  Result<std::vector<BucketInfo>> list_buckets() const override;
  Result<std::optional<BucketInfo>> find_bucket(std::string_view bucket) const override;
  Result<void> create_bucket(const std::string& bucket, const std::string& region) override;
  Result<void> delete_bucket(const std::string& bucket) override;
  Result<std::unique_ptr<ObjectWriter>> put(const std::string& bucket, const std::string& key) override;
  Result<std::optional<ObjectInfo>> find(const std::string& bucket, const std::string& key) const override;
  Result<std::unique_ptr<ObjectReader>> open(const std::string& bucket,
                                             const std::string& key) const override;
  Result<bool> remove(const std::string& bucket, const std::string& key) override;
  Result<Listing> list(const std::string& bucket, const ListQuery& query) const override;
  Result<std::optional<ObjectInfo>> copy(const std::string& source_bucket, const std::string& source_key,
                                         const std::string& bucket, const std::string& key,
                                         const std::optional<ObjectMetadata>& metadata) override;
  Result<UploadInfo> begin_upload(const std::string& bucket, const std::string& key,
                                  ObjectMetadata metadata) override;
  Result<std::optional<UploadInfo>> find_upload(const std::string& bucket, const std::string& key,
                                                const std::string& id) const override;
  Result<std::vector<UploadInfo>> list_uploads(const std::string& bucket) const override;
  Result<std::unique_ptr<ObjectWriter>> put_part(const UploadInfo& upload, int number) override;
  Result<std::vector<PartInfo>> list_parts(const std::string& id) const override;
  Result<std::pair<ObjectInfo, std::optional<CompletionFault>>> complete_upload(
      const UploadInfo& upload, const std::vector<PartName>& parts) override;
  Result<void> abort_upload(const UploadInfo& upload) override;

 private:
  class Writer;
  class PartWriter;
  class Reader;
  LocalObjectStore(std::filesystem::path folder, Database& database)
      : database_(database), blobs_(std::move(folder)) {}
  /// Puts `object` in place and returns the files of the one it replaces.
  Result<std::vector<Segment>> replace(Transaction& transaction, const std::string& bucket,
                                       const ObjectInfo& object, const std::vector<Segment>& segments) const;
  void sweep(const std::stop_token& stop) const;

  Database& database_;
  mutable BlobFolder blobs_;
  std::jthread sweeper_;
};

}  // namespace epicrisis::storage
