#include "storage/artifacts/local_object_store.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <set>

#include "base/check.hpp"
#include "base/descriptor.hpp"
#include "base/files.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "storage/artifacts/detail/file_writer.hpp"
#include "storage/artifacts/detail/rows.hpp"

namespace epicrisis::storage {

namespace fs = std::filesystem;

// --- rows ------------------------------------------------------------------------------------------------

namespace detail {

std::int64_t to_ms(Time time) noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}
Time from_ms(std::int64_t milliseconds) noexcept { return Time(std::chrono::milliseconds(milliseconds)); }
Time now() noexcept { return from_ms(to_ms(std::chrono::system_clock::now())); }

std::string encode_metadata(const ObjectMetadata& metadata) {
  const Json encoded{{"content_type", metadata.content_type}, {"fields", metadata.fields}};
  return encoded.dump(-1, ' ', false, Json::error_handler_t::replace);
}

ObjectMetadata decode_metadata(std::string_view text) {
  const Json encoded = Json::parse(text);
  return {encoded.at("content_type").get<std::string>(),
          encoded.at("fields").get<std::map<std::string, std::string>>()};
}

ObjectInfo object_of(const Row& row) {
  return {row[0].text(), static_cast<std::uint64_t>(row[1].integer()), row[2].text(),
          from_ms(row[3].integer()), decode_metadata(row[4].text())};
}

Result<void> require_bucket(Transaction& transaction, std::string_view bucket) {
  if (transaction.query_one("SELECT 1 FROM buckets WHERE name = ?", {bucket})) return {};
  return Error{ErrorCode::kNotFound, "There is no such bucket.", ""};
}

}  // namespace detail

using detail::from_ms;
using detail::object_of;
using detail::require_bucket;
using detail::to_ms;

// --- writing and reading one object ----------------------------------------------------------------------

class LocalObjectStore::Writer final : public ObjectWriter {
 public:
  Writer(LocalObjectStore& store, std::string bucket, std::string key, detail::FileWriter file)
      : store_(store), bucket_(std::move(bucket)), key_(std::move(key)), file_(std::move(file)) {}

  Result<void> write(std::string_view bytes) override { return file_.write(bytes); }
  const std::string& finish() override { return file_.finish(); }

  Result<ObjectInfo> commit(ObjectMetadata metadata) override {
    ObjectInfo object{key_, file_.segment().size_bytes, finish(), detail::now(), std::move(metadata)};
    EPICRISIS_RETURN_IF_ERROR(file_.sync());
    EPICRISIS_ASSIGN_OR_RETURN(const std::vector<Segment> replaced,
                               store_.database_.write([&](Transaction& transaction) {
                                 return store_.replace(transaction, bucket_, object, {file_.segment()});
                               }));
    file_.keep();
    store_.blobs_.remove(bucket_, replaced);
    return object;
  }

 private:
  LocalObjectStore& store_;
  const std::string bucket_;
  const std::string key_;
  detail::FileWriter file_;
};

class LocalObjectStore::Reader final : public ObjectReader {
 public:
  Reader(BlobFolder& blobs, std::string bucket, ObjectInfo info, std::vector<Segment> segments)
      : blobs_(blobs),
        bucket_(std::move(bucket)),
        info_(std::move(info)),
        segments_(std::move(segments)),
        pin_(blobs, bucket_, segments_) {}

  const ObjectInfo& info() const noexcept override { return info_; }
  const std::vector<Segment>& segments() const noexcept { return segments_; }

  Result<std::string> read(std::uint64_t offset, std::size_t count) override {
    std::string bytes;
    for (std::size_t i = 0; i < segments_.size() && bytes.size() < count; ++i) {
      if (offset >= segments_[i].size_bytes) {
        offset -= segments_[i].size_bytes;
        continue;
      }
      const std::size_t wanted =
          std::min<std::uint64_t>(count - bytes.size(), segments_[i].size_bytes - offset);
      EPICRISIS_RETURN_IF_ERROR(read_segment(i, offset, wanted, bytes));
      offset = 0;
    }
    return bytes;
  }

 private:
  Result<void> read_segment(std::size_t index, std::uint64_t offset, std::size_t count, std::string& bytes) {
    const fs::path path = blobs_.path_of(bucket_, segments_[index].blob);
    if (!file_ || opened_ != index) {
      file_ = std::make_unique<Descriptor>(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
      opened_ = index;
      if (file_->get() < 0) return system_error(errno, "open", path);
      ::posix_fadvise(file_->get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    }
    const std::size_t end = bytes.size() + count;
    while (bytes.size() < end) {
      const std::size_t before = bytes.size();
      bytes.resize(end);
      const ssize_t got =
          ::pread(file_->get(), bytes.data() + before, end - before, static_cast<off_t>(offset));
      bytes.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return system_error(errno, "read", path);
      if (got == 0)
        return Error{ErrorCode::kCorrupt, "A stored object is shorter than it was written.", path.string()};
      offset += static_cast<std::uint64_t>(got);
    }
    return {};
  }

  BlobFolder& blobs_;
  const std::string bucket_;
  const ObjectInfo info_;
  const std::vector<Segment> segments_;
  const BlobFolder::Pin pin_;
  std::unique_ptr<Descriptor> file_;
  std::size_t opened_ = 0;
};

// --- the store -------------------------------------------------------------------------------------------

Result<std::unique_ptr<LocalObjectStore>> LocalObjectStore::open(const fs::path& folder, Database& database) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) return system_error(failure.value(), "create", folder);
  auto store = std::unique_ptr<LocalObjectStore>(new LocalObjectStore(folder, database));
  store->sweeper_ = std::jthread([raw = store.get()](const std::stop_token& stop) { raw->sweep(stop); });
  return store;
}

LocalObjectStore::~LocalObjectStore() = default;

void LocalObjectStore::sweep(const std::stop_token& stop) const {
  const auto named = database_.read([](Transaction& transaction) -> Result<std::set<std::string>> {
    std::set<std::string> blobs;
    for (const Row& row :
         transaction.query("SELECT segments FROM objects UNION ALL SELECT segments FROM upload_parts")) {
      for (Segment& segment : decode_segments(row[0].text())) blobs.insert(std::move(segment.blob));
    }
    return blobs;
  });
  if (!named) return log::error("storage.sweep_failed", {{"code", log::Word(to_string(named.error().code))}});
  blobs_.sweep([&](const std::string& blob) { return named->contains(blob); },
               [&] { return stop.stop_requested(); });
}

Result<std::vector<BucketInfo>> LocalObjectStore::list_buckets() const {
  return database_.read([](Transaction& transaction) -> Result<std::vector<BucketInfo>> {
    std::vector<BucketInfo> buckets;
    for (const Row& row : transaction.query("SELECT name, region, created_ms FROM buckets ORDER BY name")) {
      buckets.push_back({row[0].text(), row[1].text(), from_ms(row[2].integer())});
    }
    return buckets;
  });
}

Result<std::optional<BucketInfo>> LocalObjectStore::find_bucket(std::string_view bucket) const {
  using Found = std::optional<BucketInfo>;
  return database_.read([&](Transaction& transaction) -> Result<Found> {
    const auto row =
        transaction.query_one("SELECT name, region, created_ms FROM buckets WHERE name = ?", {bucket});
    if (!row) return Found();
    return Found(BucketInfo{(*row)[0].text(), (*row)[1].text(), from_ms((*row)[2].integer())});
  });
}

Result<void> LocalObjectStore::create_bucket(const std::string& bucket, const std::string& region) {
  return database_.write([&](Transaction& transaction) -> Result<void> {
    const int made =
        transaction.execute("INSERT OR IGNORE INTO buckets (name, region, created_ms) VALUES (?, ?, ?)",
                            {bucket, region, to_ms(detail::now())});
    if (made == 1) return {};
    return Error{ErrorCode::kConflict, "The bucket exists already.", ""};
  });
}

Result<void> LocalObjectStore::delete_bucket(const std::string& bucket) {
  EPICRISIS_ASSIGN_OR_RETURN(
      const std::vector<Segment> parts,
      database_.write([&](Transaction& transaction) -> Result<std::vector<Segment>> {
        EPICRISIS_RETURN_IF_ERROR(require_bucket(transaction, bucket));
        if (transaction.query_one("SELECT 1 FROM objects WHERE bucket = ? LIMIT 1", {bucket})) {
          return Error{ErrorCode::kConflict, "The bucket is not empty.", ""};
        }
        std::vector<Segment> segments;
        constexpr std::string_view kUploads = "(SELECT id FROM uploads WHERE bucket = ?)";
        for (const Row& row : transaction.query(
                 fmt::format("SELECT segments FROM upload_parts WHERE upload IN {}", kUploads), {bucket})) {
          for (Segment& segment : decode_segments(row[0].text())) segments.push_back(std::move(segment));
        }
        transaction.execute(fmt::format("DELETE FROM upload_parts WHERE upload IN {}", kUploads), {bucket});
        transaction.execute("DELETE FROM uploads WHERE bucket = ?", {bucket});
        transaction.execute("DELETE FROM buckets WHERE name = ?", {bucket});
        return segments;
      }));
  blobs_.remove(bucket, parts);
  blobs_.remove_empty_folders(bucket);
  return {};
}

Result<std::vector<Segment>> LocalObjectStore::replace(Transaction& transaction, const std::string& bucket,
                                                       const ObjectInfo& object,
                                                       const std::vector<Segment>& segments) const {
  EPICRISIS_RETURN_IF_ERROR(require_bucket(transaction, bucket));
  const auto before = transaction.query_one("SELECT segments FROM objects WHERE bucket = ? AND key = ?",
                                            {bucket, Blob{object.key}});
  transaction.execute(
      "INSERT OR REPLACE INTO objects (bucket, key, segments, size, etag, modified_ms, metadata) "
      "VALUES (?, ?, ?, ?, ?, ?, ?)",
      {bucket, Blob{object.key}, encode_segments(segments), object.size_bytes, object.etag,
       to_ms(object.modified), detail::encode_metadata(object.metadata)});
  return before ? decode_segments((*before)[0].text()) : std::vector<Segment>();
}

Result<std::unique_ptr<ObjectWriter>> LocalObjectStore::put(const std::string& bucket,
                                                            const std::string& key) {
  EPICRISIS_ASSIGN_OR_RETURN(const auto there, find_bucket(bucket));
  if (!there) return Error{ErrorCode::kNotFound, "There is no such bucket.", ""};
  EPICRISIS_ASSIGN_OR_RETURN(detail::FileWriter file, detail::FileWriter::create(blobs_, bucket));
  return std::make_unique<Writer>(*this, bucket, key, std::move(file));
}

Result<std::optional<ObjectInfo>> LocalObjectStore::find(const std::string& bucket,
                                                         const std::string& key) const {
  using Found = std::optional<ObjectInfo>;
  return database_.read([&](Transaction& transaction) -> Result<Found> {
    EPICRISIS_RETURN_IF_ERROR(require_bucket(transaction, bucket));
    const auto row = transaction.query_one(
        "SELECT key, size, etag, modified_ms, metadata FROM objects WHERE bucket = ? AND key = ?",
        {bucket, Blob{key}});
    return row ? Found(object_of(*row)) : Found();
  });
}

Result<std::unique_ptr<ObjectReader>> LocalObjectStore::open(const std::string& bucket,
                                                             const std::string& key) const {
  return blobs_.pinned([&] {
    return database_.read([&](Transaction& transaction) -> Result<std::unique_ptr<ObjectReader>> {
      EPICRISIS_RETURN_IF_ERROR(require_bucket(transaction, bucket));
      const auto row = transaction.query_one(
          "SELECT key, size, etag, modified_ms, metadata, segments FROM objects WHERE bucket = ? AND key = ?",
          {bucket, Blob{key}});
      if (!row) return std::unique_ptr<ObjectReader>();
      return std::make_unique<Reader>(blobs_, bucket, object_of(*row), decode_segments((*row)[5].text()));
    });
  });
}

Result<bool> LocalObjectStore::remove(const std::string& bucket, const std::string& key) {
  using Removed = std::optional<std::vector<Segment>>;
  EPICRISIS_ASSIGN_OR_RETURN(
      const Removed removed, database_.write([&](Transaction& transaction) -> Result<Removed> {
        EPICRISIS_RETURN_IF_ERROR(require_bucket(transaction, bucket));
        const auto row = transaction.query_one("SELECT segments FROM objects WHERE bucket = ? AND key = ?",
                                               {bucket, Blob{key}});
        if (!row) return Removed();
        transaction.execute("DELETE FROM objects WHERE bucket = ? AND key = ?", {bucket, Blob{key}});
        return Removed(decode_segments((*row)[0].text()));
      }));
  if (removed) blobs_.remove(bucket, *removed);
  return removed.has_value();
}

Result<Listing> LocalObjectStore::list(const std::string& bucket, const ListQuery& query) const {
  return database_.read(
      [&](Transaction& transaction) { return detail::list_objects(transaction, bucket, query); });
}

Result<std::optional<ObjectInfo>> LocalObjectStore::copy(const std::string& source_bucket,
                                                         const std::string& source_key,
                                                         const std::string& bucket, const std::string& key,
                                                         const std::optional<ObjectMetadata>& metadata) {
  using Copied = std::optional<ObjectInfo>;
  EPICRISIS_ASSIGN_OR_RETURN(const std::unique_ptr<ObjectReader> source, open(source_bucket, source_key));
  if (!source) return Copied();
  EPICRISIS_ASSIGN_OR_RETURN(const auto target, find_bucket(bucket));
  if (!target) return Error{ErrorCode::kNotFound, "There is no such bucket.", ""};
  ObjectInfo object = source->info();
  object.key = key;
  object.modified = detail::now();
  if (metadata) object.metadata = *metadata;
  // The files never change, so the copy shares them under names of its own.
  std::vector<Segment> linked;
  for (const Segment& segment : static_cast<const Reader&>(*source).segments()) {
    const std::string blob = BlobFolder::new_name();
    if (Result<void> done = blobs_.link(source_bucket, segment.blob, bucket, blob); !done) {
      blobs_.remove(bucket, linked);
      return std::move(done).error();
    }
    linked.push_back({blob, segment.size_bytes});
  }
  const auto replaced =
      database_.write([&](Transaction& transaction) { return replace(transaction, bucket, object, linked); });
  blobs_.remove(bucket, replaced ? *replaced : linked);
  if (!replaced) return replaced.error();
  return Copied(std::move(object));
}

}  // namespace epicrisis::storage
