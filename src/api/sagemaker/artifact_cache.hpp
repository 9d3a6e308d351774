#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace epicrisis::storage {
class ObjectStore;
}

namespace epicrisis::api {

/// A place in an object store.
struct S3Location {
  std::string bucket;
  std::string key;
};

/// Reads s3://bucket/key and the https:// forms of the public service; nothing for another URL.
std::optional<S3Location> parse_s3_url(std::string_view url);

/// Reads s3://bucket or s3://bucket/prefix, whose prefix may be empty; nothing for another URL.
std::optional<S3Location> parse_s3_prefix(std::string_view url);

/// Unpacked model archives, one folder for each version of an object, shared by all workers that serve it.
/// Thread-safe; calls block.
class ArtifactCache {
 public:
  /// `objects` outlives the cache.
  ArtifactCache(std::filesystem::path folder, storage::ObjectStore& objects)
      : folder_(std::move(folder)), objects_(objects) {}

  /// While one lives, collect() keeps the folder.
  class Pin {
   public:
    Pin(ArtifactCache& cache, std::string key);
    Pin(Pin&& other) noexcept;
    Pin& operator=(Pin&&) = delete;
    ~Pin();
    const std::string& key() const noexcept { return key_; }

   private:
    ArtifactCache* cache_;
    std::string key_;
  };

  /// Where a key's folder is; it may not exist.
  std::filesystem::path path_of(std::string_view key) const { return folder_ / key; }
  bool has(std::string_view key) const;
  /// Fetches and unpacks the archive at `url`, unless that version is there. Errors: kNotFound when there is
  /// no such object, and those of unpack_tar_gz().
  Result<Pin> fetch(const std::string& url);
  /// Removes every folder that neither `keys` names nor a Pin holds; returns the bytes it freed.
  std::uint64_t collect(const std::set<std::string>& keys);

 private:
  const std::filesystem::path folder_;
  storage::ObjectStore& objects_;
  mutable std::mutex mutex_;
  std::multiset<std::string> pins_;  // guarded by mutex_
};

/// Copies an object into a file, in bounded memory. Errors: kNotFound naming the place; those of store and
/// disk.
Result<void> download(const storage::ObjectStore& objects, const S3Location& location,
                      const std::filesystem::path& target);
/// The reverse. Errors: kNotFound for a missing bucket.
Result<void> upload(storage::ObjectStore& objects, const std::filesystem::path& source,
                    const S3Location& location, const std::string& content_type);

}  // namespace epicrisis::api
