#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace epicrisis::storage {

using Time = std::chrono::system_clock::time_point;

/// What travels with an object besides its bytes.
struct ObjectMetadata {
  std::string content_type;                   ///< Empty: none was given.
  std::map<std::string, std::string> fields;  ///< Other header fields by lower-case name: "cache-control",
                                              ///< "x-amz-meta-…", "x-amz-checksum-…".
};

struct ObjectInfo {
  std::string key;
  std::uint64_t size_bytes = 0;
  std::string etag;  ///< Without quotes: hex MD5, or "<md5 of part md5s>-<parts>".
  Time modified;
  ObjectMetadata metadata;
};

struct BucketInfo {
  std::string name;
  std::string region;
  Time created;
};

/// An object being written; invisible until commit(), gone without one. Not thread-safe.
class ObjectWriter {
 public:
  virtual ~ObjectWriter() = default;
  virtual Result<void> write(std::string_view bytes) = 0;
  /// Hex MD5 of what was written. After it only commit() may follow.
  virtual const std::string& finish() = 0;
  /// Makes the object visible, whole and on disk, in place of an earlier one. `metadata` may name checksums
  /// that were known only at the end. Errors: kNotFound when the bucket (or upload) has gone meanwhile,
  /// kResourceExhausted.
  virtual Result<ObjectInfo> commit(ObjectMetadata metadata) = 0;
};

/// One version of an object, which stays whole while it is read, whatever becomes of its key.
class ObjectReader {
 public:
  virtual ~ObjectReader() = default;
  virtual const ObjectInfo& info() const noexcept = 0;
  /// Bytes [offset, offset + count), fewer at the end. Errors: those of the disk.
  virtual Result<std::string> read(std::uint64_t offset, std::size_t count) = 0;
};

struct ListQuery {
  std::string prefix;
  std::string delimiter;         ///< Empty: none.
  std::string after;             ///< Only names behind this one.
  bool after_is_prefix = false;  ///< `after` is a common prefix: nothing that begins with it is listed.
  std::size_t max_keys = 1000;
};

/// A page of a listing, in byte order.
struct Listing {
  std::vector<ObjectInfo> objects;
  std::vector<std::string> common_prefixes;  ///< Beginnings up to the delimiter, each once.
  bool is_truncated = false;
  std::string last;  ///< Name or common prefix that came last: the next page's `after`.
  bool last_is_prefix = false;
};

struct UploadInfo {
  std::string id;
  std::string bucket;
  std::string key;
  Time created;
  ObjectMetadata metadata;
};

struct PartInfo {
  int number = 0;
  std::uint64_t size_bytes = 0;
  std::string etag;
  Time modified;
};

/// A part as the client names it when it completes an upload.
struct PartName {
  int number = 0;
  std::string etag;
};

enum class CompletionFault { kInvalidPart, kInvalidPartOrder, kTooSmall };

/// Objects by bucket and key. Keys are any bytes, taken literally. Thread-safe; calls may block on the disk.
///
/// kNotFound always means the bucket (or, where an upload is named, the upload); an absent key is a value.
class ObjectStore {
 public:
  static constexpr std::uint64_t kMinPartBytes = 5U << 20;

  virtual ~ObjectStore() = default;

  virtual Result<std::vector<BucketInfo>> list_buckets() const = 0;
  virtual Result<std::optional<BucketInfo>> find_bucket(std::string_view bucket) const = 0;
  /// Errors: kConflict when it exists.
  virtual Result<void> create_bucket(const std::string& bucket, const std::string& region) = 0;
  /// Errors: kNotFound, kConflict when it is not empty. Unfinished uploads go with it.
  virtual Result<void> delete_bucket(const std::string& bucket) = 0;

  virtual Result<std::unique_ptr<ObjectWriter>> put(const std::string& bucket, const std::string& key) = 0;
  virtual Result<std::optional<ObjectInfo>> find(const std::string& bucket, const std::string& key) const = 0;
  /// Null when there is no such key.
  virtual Result<std::unique_ptr<ObjectReader>> open(const std::string& bucket,
                                                     const std::string& key) const = 0;
  /// True when the key was there.
  virtual Result<bool> remove(const std::string& bucket, const std::string& key) = 0;
  virtual Result<Listing> list(const std::string& bucket, const ListQuery& query) const = 0;
  /// Copies one version whole, with the metadata given or its own. Nothing when the source key is absent.
  virtual Result<std::optional<ObjectInfo>> copy(const std::string& source_bucket,
                                                 const std::string& source_key, const std::string& bucket,
                                                 const std::string& key,
                                                 const std::optional<ObjectMetadata>& metadata) = 0;

  virtual Result<UploadInfo> begin_upload(const std::string& bucket, const std::string& key,
                                          ObjectMetadata metadata) = 0;
  virtual Result<std::optional<UploadInfo>> find_upload(const std::string& bucket, const std::string& key,
                                                        const std::string& id) const = 0;
  /// In order of key, then id.
  virtual Result<std::vector<UploadInfo>> list_uploads(const std::string& bucket) const = 0;
  /// Part numbers are 1 to 10,000; a part may be written again. commit() takes no metadata.
  virtual Result<std::unique_ptr<ObjectWriter>> put_part(const UploadInfo& upload, int number) = 0;
  virtual Result<std::vector<PartInfo>> list_parts(const std::string& id) const = 0;
  /// Joins the named parts and ends the upload, or says what is wrong with them and changes nothing.
  virtual Result<std::pair<ObjectInfo, std::optional<CompletionFault>>> complete_upload(
      const UploadInfo& upload, const std::vector<PartName>& parts) = 0;
  virtual Result<void> abort_upload(const UploadInfo& upload) = 0;
};

}  // namespace epicrisis::storage
