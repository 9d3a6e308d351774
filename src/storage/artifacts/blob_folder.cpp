#include "storage/artifacts/blob_folder.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <iterator>

#include "base/digest.hpp"
#include "base/files.hpp"
#include "base/folders.hpp"
#include "base/log.hpp"

namespace epicrisis::storage {

namespace fs = std::filesystem;

namespace {

Result<void> make_folder(const fs::path& folder) {
  if (::mkdir(folder.c_str(), 0700) == 0) return sync_to_disk(folder.parent_path());
  if (errno == EEXIST) return {};
  return system_error(errno, "create", folder);
}

}  // namespace

std::string encode_segments(const std::vector<Segment>& segments) {
  fmt::memory_buffer text;
  for (const Segment& segment : segments) {
    fmt::format_to(std::back_inserter(text), "{}{}:{}", text.size() == 0 ? "" : ",", segment.blob,
                   segment.size_bytes);
  }
  return fmt::to_string(text);
}

std::vector<Segment> decode_segments(std::string_view text) {
  std::vector<Segment> segments;
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), one.size() + 1));
    const std::size_t colon = one.find(':');
    if (colon == std::string_view::npos) continue;
    Segment segment{std::string(one.substr(0, colon)), 0};
    std::from_chars(one.data() + colon + 1, one.data() + one.size(), segment.size_bytes);
    segments.push_back(std::move(segment));
  }
  return segments;
}

fs::path BlobFolder::path_of(std::string_view bucket, std::string_view blob) const {
  return folder_ / bucket / blob.substr(0, 2) / blob;
}

std::string BlobFolder::new_name() { return to_hex(random_bytes(16)); }

Result<void> BlobFolder::prepare(std::string_view bucket, std::string_view blob) {
  const fs::path folder = path_of(bucket, blob).parent_path();
  if (is_there(folder)) return {};
  EPICRISIS_RETURN_IF_ERROR(make_folder(folder.parent_path()));
  return make_folder(folder);
}

Result<void> BlobFolder::link(std::string_view bucket, std::string_view blob, std::string_view new_bucket,
                              std::string_view new_blob) {
  EPICRISIS_RETURN_IF_ERROR(prepare(new_bucket, new_blob));
  const fs::path target = path_of(new_bucket, new_blob);
  if (::link(path_of(bucket, blob).c_str(), target.c_str()) != 0)
    return system_error(errno, "create", target);
  return sync_to_disk(target.parent_path());
}

BlobFolder::Pin::Pin(BlobFolder& folder, std::string bucket, const std::vector<Segment>& segments)
    : folder_(folder), bucket_(std::move(bucket)) {
  const std::lock_guard lock(folder_.mutex_);
  for (const Segment& segment : segments) {
    ++folder_.pins_[segment.blob];
    blobs_.push_back(segment.blob);
  }
}

BlobFolder::Pin::~Pin() { folder_.unpin(bucket_, blobs_); }

void BlobFolder::unpin(const std::string& bucket, const std::vector<std::string>& blobs) {
  std::vector<std::string> free;
  {
    const std::lock_guard lock(mutex_);
    for (const std::string& blob : blobs) {
      if (--pins_[blob] > 0) continue;
      pins_.erase(blob);
      if (doomed_.erase(blob) != 0) free.push_back(blob);
    }
  }
  for (const std::string& blob : free) ::unlink(path_of(bucket, blob).c_str());
}

void BlobFolder::remove(const std::string& bucket, const std::vector<Segment>& segments) {
  std::vector<std::string> free;
  {
    const std::unique_lock no_look_up(deleting_);
    const std::lock_guard lock(mutex_);
    for (const Segment& segment : segments) {
      if (pins_.contains(segment.blob)) {
        doomed_.insert(segment.blob);
      } else {
        free.push_back(segment.blob);
      }
    }
  }
  for (const std::string& blob : free) ::unlink(path_of(bucket, blob).c_str());
}

void BlobFolder::remove_empty_folders(std::string_view bucket) const {
  const auto shards = entries_of(folder_ / bucket);
  if (!shards) return;
  for (const fs::directory_entry& shard : *shards) ::rmdir(shard.path().c_str());
  ::rmdir((folder_ / bucket).c_str());
}

void BlobFolder::sweep(const std::function<bool(const std::string& blob)>& is_named,
                       const std::function<bool()>& stop) const {
  std::size_t removed = 0;
  const auto entries = entries_below(folder_);
  if (!entries) return;
  for (const fs::directory_entry& entry : *entries) {
    if (stop()) return;
    std::error_code failure;
    if (!entry.is_regular_file(failure) || entry.last_write_time(failure) >= created_ || failure) continue;
    if (is_named(entry.path().filename().string())) continue;
    if (::unlink(entry.path().c_str()) == 0) ++removed;
  }
  if (removed > 0) log::info("storage.swept", {{"files", removed}});
}

}  // namespace epicrisis::storage
