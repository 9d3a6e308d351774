#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"

namespace epicrisis::storage {

/// A file that is part of an object: never changed once written.
struct Segment {
  std::string blob;  ///< 32 hex digits, drawn at random.
  std::uint64_t size_bytes = 0;
};

/// "blob:size,blob:size": how a row of the index names an object's files.
std::string encode_segments(const std::vector<Segment>& segments);
std::vector<Segment> decode_segments(std::string_view text);

/// The files of all objects: FOLDER/<bucket>/<two digits>/<blob>. What they belong to stands in the metadata
/// store; a file that it does not name is garbage of an interrupted write. Thread-safe.
class BlobFolder {
 public:
  explicit BlobFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::filesystem::path path_of(std::string_view bucket, std::string_view blob) const;
  static std::string new_name();
  /// Makes the folder that a new blob of `bucket` goes to.
  Result<void> prepare(std::string_view bucket, std::string_view blob);
  /// A second name for the bytes of a blob.
  Result<void> link(std::string_view bucket, std::string_view blob, std::string_view new_bucket,
                    std::string_view new_blob);

  /// While one lives, blobs that it names are not deleted.
  class Pin {
   public:
    Pin(BlobFolder& folder, std::string bucket, const std::vector<Segment>& segments);
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;
    ~Pin();

   private:
    BlobFolder& folder_;
    std::string bucket_;
    std::vector<std::string> blobs_;
  };
  /// Runs `look_up`, which finds out what an object consists of and pins it, so that no blob it found can be
  /// deleted in between.
  template <class LookUp>
  auto pinned(LookUp&& look_up) {
    const std::shared_lock lock(deleting_);
    return look_up();
  }
  /// Deletes files that no row names any more, now or once they are unpinned.
  void remove(const std::string& bucket, const std::vector<Segment>& segments);
  /// Removes the folders of a bucket that hold nothing.
  void remove_empty_folders(std::string_view bucket) const;
  /// Deletes files older than this object that `is_named` does not know; what a killed process left.
  void sweep(const std::function<bool(const std::string& blob)>& is_named,
             const std::function<bool()>& stop) const;

 private:
  friend class Pin;
  void unpin(const std::string& bucket, const std::vector<std::string>& blobs);

  std::filesystem::path folder_;
  std::filesystem::file_time_type created_ = std::filesystem::file_time_type::clock::now();
  std::shared_mutex deleting_;  // shared while objects are looked up
  std::mutex mutex_;
  std::unordered_map<std::string, int> pins_;  // guarded by mutex_
  std::set<std::string> doomed_;               // guarded by mutex_; to be deleted once unpinned
};

}  // namespace epicrisis::storage
