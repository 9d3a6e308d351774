#include "api/sagemaker/artifact_cache.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <utility>
#include <vector>

#include "base/digest.hpp"
#include "base/files.hpp"
#include "base/folders.hpp"
#include "checkpoint/archive.hpp"
#include "storage/artifacts/object_store.hpp"

namespace epicrisis::api {
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kBlockBytes = 1U << 20;
constexpr std::size_t kKeyDigits = 32;

Error not_found(const S3Location& location) {
  return {ErrorCode::kNotFound, fmt::format("Could not find s3://{}/{}.", location.bucket, location.key), ""};
}

std::optional<S3Location> split(std::string_view path) {
  const std::size_t slash = path.find('/');
  if (slash == 0 || slash == std::string_view::npos || slash + 1 == path.size()) return std::nullopt;
  return S3Location{std::string(path.substr(0, slash)), std::string(path.substr(slash + 1))};
}

}  // namespace

std::optional<S3Location> parse_s3_url(std::string_view url) {
  constexpr std::string_view kS3 = "s3://";
  constexpr std::string_view kHttps = "https://";
  if (url.starts_with(kS3)) return split(url.substr(kS3.size()));
  if (!url.starts_with(kHttps)) return std::nullopt;
  url.remove_prefix(kHttps.size());
  const std::string_view host = url.substr(0, url.find('/'));
  if (!host.ends_with(".amazonaws.com")) return std::nullopt;
  if (host.starts_with("s3.") || host.starts_with("s3-")) {
    return host.size() == url.size() ? std::nullopt : split(url.substr(host.size() + 1));
  }
  const std::size_t service = host.find(".s3");
  if (service == std::string_view::npos || host.size() + 1 >= url.size()) return std::nullopt;
  return S3Location{std::string(host.substr(0, service)), std::string(url.substr(host.size() + 1))};
}

std::optional<S3Location> parse_s3_prefix(std::string_view url) {
  constexpr std::string_view kS3 = "s3://";
  if (!url.starts_with(kS3) || url.size() == kS3.size() || url[kS3.size()] == '/') return std::nullopt;
  url.remove_prefix(kS3.size());
  const std::size_t slash = std::min(url.find('/'), url.size());
  return S3Location{std::string(url.substr(0, slash)),
                    slash == url.size() ? std::string() : std::string(url.substr(slash + 1))};
}

Result<void> download(const storage::ObjectStore& objects, const S3Location& location,
                      const fs::path& target) {
  Result<std::unique_ptr<storage::ObjectReader>> reader = objects.open(location.bucket, location.key);
  if (!reader && reader.error().code == ErrorCode::kNotFound) return not_found(location);
  if (!reader) return std::move(reader).error();
  if (*reader == nullptr) return not_found(location);
  std::ofstream file(target, std::ios::binary | std::ios::trunc);
  const std::uint64_t size_bytes = (*reader)->info().size_bytes;
  for (std::uint64_t offset = 0; offset < size_bytes && file;) {
    EPICRISIS_ASSIGN_OR_RETURN(const std::string block, (*reader)->read(offset, kBlockBytes));
    if (block.empty()) return Error{ErrorCode::kCorrupt, "An object is shorter than it says.", location.key};
    file.write(block.data(), static_cast<std::streamsize>(block.size()));
    offset += block.size();
  }
  file.close();
  if (!file)
    return Error{ErrorCode::kResourceExhausted, "Cannot write a downloaded object; is the disk full?", ""};
  return {};
}

Result<void> upload(storage::ObjectStore& objects, const fs::path& source, const S3Location& location,
                    const std::string& content_type) {
  std::ifstream file(source, std::ios::binary);
  if (!file) return Error{ErrorCode::kNotFound, "Cannot read a file to upload.", source.filename().string()};
  EPICRISIS_ASSIGN_OR_RETURN(auto writer, objects.put(location.bucket, location.key));
  std::string block(kBlockBytes, '\0');
  while (file.read(block.data(), static_cast<std::streamsize>(block.size())) || file.gcount() > 0) {
    EPICRISIS_RETURN_IF_ERROR(
        writer->write(std::string_view(block).substr(0, static_cast<std::size_t>(file.gcount()))));
  }
  writer->finish();
  storage::ObjectMetadata metadata;
  metadata.content_type = content_type;
  EPICRISIS_RETURN_IF_ERROR(writer->commit(std::move(metadata)));
  return {};
}

ArtifactCache::Pin::Pin(ArtifactCache& cache, std::string key) : cache_(&cache), key_(std::move(key)) {
  const std::lock_guard lock(cache_->mutex_);
  cache_->pins_.insert(key_);
}

ArtifactCache::Pin::Pin(Pin&& other) noexcept
    : cache_(std::exchange(other.cache_, nullptr)), key_(std::move(other.key_)) {}

ArtifactCache::Pin::~Pin() {
  if (cache_ == nullptr) return;
  const std::lock_guard lock(cache_->mutex_);
  cache_->pins_.erase(cache_->pins_.find(key_));
}

bool ArtifactCache::has(std::string_view key) const { return !key.empty() && is_there(path_of(key)); }

Result<ArtifactCache::Pin> ArtifactCache::fetch(const std::string& url) {
  const std::optional<S3Location> location = parse_s3_url(url);
  if (!location) {
    return Error{ErrorCode::kUnsupported, "Model data is taken from s3:// only; upload it to a bucket.", ""};
  }
  Result<std::optional<storage::ObjectInfo>> found = objects_.find(location->bucket, location->key);
  if (!found && found.error().code == ErrorCode::kNotFound) return not_found(*location);
  if (!found) return std::move(found).error();
  if (!*found) return not_found(*location);
  const std::string version = fmt::format("{}\n{}\n{}", url, (*found)->etag, (*found)->size_bytes);
  Pin pin(*this, to_hex(digest_of(DigestKind::kSha256, version)).substr(0, kKeyDigits));
  if (has(pin.key())) return pin;
  std::error_code ignored;
  fs::create_directories(folder_, ignored);
  EPICRISIS_ASSIGN_OR_RETURN(const TemporaryDirectory aside, TemporaryDirectory::create(folder_));
  const fs::path archive = aside.path() / "model.tar.gz";
  EPICRISIS_RETURN_IF_ERROR(download(objects_, *location, archive));
  const Result<void> unpacked = unpack_tar_gz(archive, path_of(pin.key()));
  // Another endpoint of the same model may have come first.
  if (!unpacked && !has(pin.key())) return unpacked.error();
  return pin;
}

std::uint64_t ArtifactCache::collect(const std::set<std::string>& keys) {
  const std::lock_guard lock(mutex_);
  std::uint64_t freed_bytes = 0;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder_, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.size() != kKeyDigits || keys.contains(name) || pins_.contains(name)) continue;
    for (const auto& file : fs::recursive_directory_iterator(entry.path(), ignored)) {
      if (file.is_regular_file(ignored)) freed_bytes += file.file_size(ignored);
    }
    fs::remove_all(entry.path(), ignored);
  }
  return freed_bytes;
}

}  // namespace epicrisis::api
