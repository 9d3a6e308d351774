#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/sagemaker/model_hub.hpp"
#include "storage/artifacts/object_store.hpp"

namespace epicrisis::api {

/// An object store that also has the model hub's buckets (is_hub_bucket()), read-only and in no list of
/// buckets. Thread-safe as the store below it is.
class HubObjectStore final : public storage::ObjectStore {
 public:
  /// Both outlive this object.
  HubObjectStore(storage::ObjectStore& inner, const ModelHub& hub) : inner_(inner), hub_(hub) {}

  Result<std::vector<storage::BucketInfo>> list_buckets() const override { return inner_.list_buckets(); }
  Result<std::optional<storage::BucketInfo>> find_bucket(std::string_view bucket) const override;
  Result<void> create_bucket(const std::string& bucket, const std::string& region) override;
  Result<void> delete_bucket(const std::string& bucket) override;
  Result<std::unique_ptr<storage::ObjectWriter>> put(const std::string& bucket,
                                                     const std::string& key) override;
  Result<std::optional<storage::ObjectInfo>> find(const std::string& bucket,
                                                  const std::string& key) const override;
  Result<std::unique_ptr<storage::ObjectReader>> open(const std::string& bucket,
                                                      const std::string& key) const override;
  Result<bool> remove(const std::string& bucket, const std::string& key) override;
  Result<storage::Listing> list(const std::string& bucket, const storage::ListQuery& query) const override;
  Result<std::optional<storage::ObjectInfo>> copy(
      const std::string& source_bucket, const std::string& source_key, const std::string& bucket,
      const std::string& key, const std::optional<storage::ObjectMetadata>& metadata) override;
  Result<storage::UploadInfo> begin_upload(const std::string& bucket, const std::string& key,
                                           storage::ObjectMetadata metadata) override;
  Result<std::optional<storage::UploadInfo>> find_upload(const std::string& bucket, const std::string& key,
                                                         const std::string& id) const override;
  Result<std::vector<storage::UploadInfo>> list_uploads(const std::string& bucket) const override;
  Result<std::unique_ptr<storage::ObjectWriter>> put_part(const storage::UploadInfo& upload,
                                                          int number) override;
  Result<std::vector<storage::PartInfo>> list_parts(const std::string& id) const override;
  Result<std::pair<storage::ObjectInfo, std::optional<storage::CompletionFault>>> complete_upload(
      const storage::UploadInfo& upload, const std::vector<storage::PartName>& parts) override;
  Result<void> abort_upload(const storage::UploadInfo& upload) override;

 private:
  storage::ObjectStore& inner_;
  const ModelHub& hub_;
};

}  // namespace epicrisis::api
