#include "api/sagemaker/hub_object_store.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/files.hpp"

namespace epicrisis::api {

using storage::ObjectInfo;

namespace {

Error read_only() { return {ErrorCode::kPermissionDenied, "The model hub's bucket is read-only.", ""}; }

ObjectInfo info_of(const HubFile& file) {
  ObjectInfo info;
  info.key = file.key;
  info.size_bytes = file.size_bytes;
  info.etag = file.etag;
  info.metadata.content_type = file.path.empty() ? "application/json" : "application/x-tar";
  return info;
}

/// A file of the hub, open as long as it is read.
class HubReader final : public storage::ObjectReader {
 public:
  static Result<std::unique_ptr<storage::ObjectReader>> open(HubFile file) {
    int descriptor = -1;
    if (!file.path.empty()) {
      descriptor = ::open(file.path.c_str(), O_RDONLY | O_CLOEXEC);
      if (descriptor < 0) return system_error(errno, "open", file.path);
    }
    return std::unique_ptr<storage::ObjectReader>(std::make_unique<HubReader>(std::move(file), descriptor));
  }
  HubReader(HubFile file, int descriptor)
      : file_(std::move(file)), info_(info_of(file_)), descriptor_(descriptor) {}
  ~HubReader() override {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  HubReader(const HubReader&) = delete;
  HubReader& operator=(const HubReader&) = delete;

  const ObjectInfo& info() const noexcept override { return info_; }
  Result<std::string> read(std::uint64_t offset, std::size_t count) override {
    if (offset >= info_.size_bytes) return std::string();
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(count, info_.size_bytes - offset));
    if (descriptor_ < 0) return file_.text.substr(static_cast<std::size_t>(offset), wanted);
    std::string bytes(wanted, '\0');
    std::size_t got = 0;
    while (got < wanted) {
      const ssize_t size =
          ::pread(descriptor_, bytes.data() + got, wanted - got, static_cast<off_t>(offset + got));
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) return system_error(errno, "read", file_.path);
      if (size == 0) break;
      got += static_cast<std::size_t>(size);
    }
    bytes.resize(got);
    return bytes;
  }

 private:
  const HubFile file_;
  const ObjectInfo info_;
  const int descriptor_;
};

}  // namespace

Result<std::optional<storage::BucketInfo>> HubObjectStore::find_bucket(std::string_view bucket) const {
  if (!is_hub_bucket(bucket)) return inner_.find_bucket(bucket);
  return std::optional(storage::BucketInfo{std::string(bucket), "us-east-1", {}});
}

Result<void> HubObjectStore::create_bucket(const std::string& bucket, const std::string& region) {
  if (is_hub_bucket(bucket)) return Error{ErrorCode::kConflict, "The bucket exists.", ""};
  return inner_.create_bucket(bucket, region);
}

Result<void> HubObjectStore::delete_bucket(const std::string& bucket) {
  if (is_hub_bucket(bucket)) return read_only();
  return inner_.delete_bucket(bucket);
}

Result<std::unique_ptr<storage::ObjectWriter>> HubObjectStore::put(const std::string& bucket,
                                                                   const std::string& key) {
  if (is_hub_bucket(bucket)) return read_only();
  return inner_.put(bucket, key);
}

Result<std::optional<ObjectInfo>> HubObjectStore::find(const std::string& bucket,
                                                       const std::string& key) const {
  if (!is_hub_bucket(bucket)) return inner_.find(bucket, key);
  EPICRISIS_ASSIGN_OR_RETURN(const std::optional<HubFile> file, hub_.find(key));
  return file ? std::optional(info_of(*file)) : std::nullopt;
}

Result<std::unique_ptr<storage::ObjectReader>> HubObjectStore::open(const std::string& bucket,
                                                                    const std::string& key) const {
  if (!is_hub_bucket(bucket)) return inner_.open(bucket, key);
  EPICRISIS_ASSIGN_OR_RETURN(std::optional<HubFile> file, hub_.find(key));
  if (!file) return std::unique_ptr<storage::ObjectReader>();
  return HubReader::open(std::move(*file));
}

Result<bool> HubObjectStore::remove(const std::string& bucket, const std::string& key) {
  if (is_hub_bucket(bucket)) return read_only();
  return inner_.remove(bucket, key);
}

Result<storage::Listing> HubObjectStore::list(const std::string& bucket,
                                              const storage::ListQuery& query) const {
  if (!is_hub_bucket(bucket)) return inner_.list(bucket, query);
  EPICRISIS_ASSIGN_OR_RETURN(const std::vector<std::string> keys, hub_.keys());
  storage::Listing page;
  for (const std::string& key : keys) {
    if (!key.starts_with(query.prefix) || key <= query.after) continue;
    if (query.after_is_prefix && key.starts_with(query.after)) continue;
    const std::size_t cut =
        query.delimiter.empty() ? std::string::npos : key.find(query.delimiter, query.prefix.size());
    const std::string name = cut == std::string::npos ? key : key.substr(0, cut + query.delimiter.size());
    if (cut != std::string::npos && !page.common_prefixes.empty() && page.common_prefixes.back() == name)
      continue;
    if (page.objects.size() + page.common_prefixes.size() >= query.max_keys) {
      page.is_truncated = true;
      break;
    }
    page.last = name;
    page.last_is_prefix = cut != std::string::npos;
    if (page.last_is_prefix) {
      page.common_prefixes.push_back(name);
      continue;
    }
    EPICRISIS_ASSIGN_OR_RETURN(const std::optional<HubFile> file, hub_.find(key));
    if (file) page.objects.push_back(info_of(*file));
  }
  return page;
}

Result<std::optional<ObjectInfo>> HubObjectStore::copy(
    const std::string& source_bucket, const std::string& source_key, const std::string& bucket,
    const std::string& key, const std::optional<storage::ObjectMetadata>& metadata) {
  if (is_hub_bucket(bucket)) return read_only();
  if (!is_hub_bucket(source_bucket)) return inner_.copy(source_bucket, source_key, bucket, key, metadata);
  EPICRISIS_ASSIGN_OR_RETURN(const auto reader, open(source_bucket, source_key));
  if (reader == nullptr) return std::optional<ObjectInfo>();
  EPICRISIS_ASSIGN_OR_RETURN(const auto writer, inner_.put(bucket, key));
  constexpr std::size_t kBlockBytes = 1U << 20;
  for (std::uint64_t offset = 0; offset < reader->info().size_bytes;) {
    EPICRISIS_ASSIGN_OR_RETURN(const std::string block, reader->read(offset, kBlockBytes));
    if (block.empty()) return Error{ErrorCode::kCorrupt, "A file of the hub is shorter than it says.", ""};
    EPICRISIS_RETURN_IF_ERROR(writer->write(block));
    offset += block.size();
  }
  writer->finish();
  EPICRISIS_ASSIGN_OR_RETURN(ObjectInfo made, writer->commit(metadata.value_or(reader->info().metadata)));
  return std::optional(std::move(made));
}

Result<storage::UploadInfo> HubObjectStore::begin_upload(const std::string& bucket, const std::string& key,
                                                         storage::ObjectMetadata metadata) {
  if (is_hub_bucket(bucket)) return read_only();
  return inner_.begin_upload(bucket, key, std::move(metadata));
}

Result<std::optional<storage::UploadInfo>> HubObjectStore::find_upload(const std::string& bucket,
                                                                       const std::string& key,
                                                                       const std::string& id) const {
  return inner_.find_upload(bucket, key, id);
}

Result<std::vector<storage::UploadInfo>> HubObjectStore::list_uploads(const std::string& bucket) const {
  if (is_hub_bucket(bucket)) return std::vector<storage::UploadInfo>();
  return inner_.list_uploads(bucket);
}

Result<std::unique_ptr<storage::ObjectWriter>> HubObjectStore::put_part(const storage::UploadInfo& upload,
                                                                        int number) {
  return inner_.put_part(upload, number);
}

Result<std::vector<storage::PartInfo>> HubObjectStore::list_parts(const std::string& id) const {
  return inner_.list_parts(id);
}

Result<std::pair<ObjectInfo, std::optional<storage::CompletionFault>>> HubObjectStore::complete_upload(
    const storage::UploadInfo& upload, const std::vector<storage::PartName>& parts) {
  return inner_.complete_upload(upload, parts);
}

Result<void> HubObjectStore::abort_upload(const storage::UploadInfo& upload) {
  return inner_.abort_upload(upload);
}

}  // namespace epicrisis::api
