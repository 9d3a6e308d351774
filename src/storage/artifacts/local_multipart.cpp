#include <algorithm>
#include <map>
#include <utility>

#include "base/digest.hpp"
#include "storage/artifacts/detail/file_writer.hpp"
#include "storage/artifacts/detail/rows.hpp"
#include "storage/artifacts/local_object_store.hpp"

namespace epicrisis::storage {

using detail::from_ms;
using detail::require_bucket;
using detail::to_ms;

namespace {

struct StoredPart {
  std::vector<Segment> segments;
  std::uint64_t size_bytes = 0;
  std::string etag;
};

Result<void> require_upload(Transaction& transaction, const std::string& id) {
  if (transaction.query_one("SELECT 1 FROM uploads WHERE id = ?", {id})) return {};
  return Error{ErrorCode::kNotFound, "There is no such upload.", ""};
}

/// Of the columns id, bucket, key, created_ms, metadata.
UploadInfo upload_of(const Row& row) {
  return {row[0].text(), row[1].text(), row[2].text(), from_ms(row[3].integer()),
          detail::decode_metadata(row[4].text())};
}

std::map<int, StoredPart> stored_parts(Transaction& transaction, const std::string& id) {
  std::map<int, StoredPart> parts;
  for (const Row& row :
       transaction.query("SELECT number, segments, size, etag FROM upload_parts WHERE upload = ?", {id})) {
    parts[static_cast<int>(row[0].integer())] = {decode_segments(row[1].text()),
                                                 static_cast<std::uint64_t>(row[2].integer()), row[3].text()};
  }
  return parts;
}

std::optional<CompletionFault> check_parts(const std::vector<PartName>& names,
                                           const std::map<int, StoredPart>& stored) {
  int last = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].number <= last) return CompletionFault::kInvalidPartOrder;
    last = names[i].number;
    const auto part = stored.find(names[i].number);
    if (part == stored.end() || part->second.etag != names[i].etag) return CompletionFault::kInvalidPart;
  }
  for (std::size_t i = 0; i + 1 < names.size(); ++i) {
    if (stored.at(names[i].number).size_bytes < ObjectStore::kMinPartBytes) return CompletionFault::kTooSmall;
  }
  return std::nullopt;
}

std::string bytes_of_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

void forget(Transaction& transaction, const std::string& id) {
  transaction.execute("DELETE FROM upload_parts WHERE upload = ?", {id});
  transaction.execute("DELETE FROM uploads WHERE id = ?", {id});
}

}  // namespace

class LocalObjectStore::PartWriter final : public ObjectWriter {
 public:
  PartWriter(LocalObjectStore& store, UploadInfo upload, int number, detail::FileWriter file)
      : store_(store), upload_(std::move(upload)), number_(number), file_(std::move(file)) {}

  Result<void> write(std::string_view bytes) override { return file_.write(bytes); }
  const std::string& finish() override { return file_.finish(); }

  Result<ObjectInfo> commit(ObjectMetadata) override {
    const Segment& segment = file_.segment();
    ObjectInfo part{upload_.key, segment.size_bytes, finish(), detail::now(), {}};
    EPICRISIS_RETURN_IF_ERROR(file_.sync());
    EPICRISIS_ASSIGN_OR_RETURN(
        const std::vector<Segment> replaced,
        store_.database_.write([&](Transaction& transaction) -> Result<std::vector<Segment>> {
          EPICRISIS_RETURN_IF_ERROR(require_upload(transaction, upload_.id));
          const auto before = transaction.query_one(
              "SELECT segments FROM upload_parts WHERE upload = ? AND number = ?", {upload_.id, number_});
          transaction.execute(
              "INSERT OR REPLACE INTO upload_parts (upload, number, segments, size, etag, modified_ms) "
              "VALUES (?, ?, ?, ?, ?, ?)",
              {upload_.id, number_, encode_segments({segment}), segment.size_bytes, part.etag,
               to_ms(part.modified)});
          return before ? decode_segments((*before)[0].text()) : std::vector<Segment>();
        }));
    file_.keep();
    store_.blobs_.remove(upload_.bucket, replaced);
    return part;
  }

 private:
  LocalObjectStore& store_;
  const UploadInfo upload_;
  const int number_;
  detail::FileWriter file_;
};

Result<UploadInfo> LocalObjectStore::begin_upload(const std::string& bucket, const std::string& key,
                                                  ObjectMetadata metadata) {
  UploadInfo upload{to_hex(random_bytes(24)), bucket, key, detail::now(), std::move(metadata)};
  Result<void> stored = database_.write([&](Transaction& transaction) -> Result<void> {
    EPICRISIS_RETURN_IF_ERROR(require_bucket(transaction, bucket));
    transaction.execute(
        "INSERT INTO uploads (id, bucket, key, created_ms, metadata) VALUES (?, ?, ?, ?, ?)",
        {upload.id, bucket, Blob{key}, to_ms(upload.created), detail::encode_metadata(upload.metadata)});
    return {};
  });
  if (!stored) return std::move(stored).error();
  return upload;
}

Result<std::optional<UploadInfo>> LocalObjectStore::find_upload(const std::string& bucket,
                                                                const std::string& key,
                                                                const std::string& id) const {
  using Found = std::optional<UploadInfo>;
  return database_.read([&](Transaction& transaction) -> Result<Found> {
    EPICRISIS_RETURN_IF_ERROR(require_bucket(transaction, bucket));
    const auto row = transaction.query_one(
        "SELECT id, bucket, key, created_ms, metadata FROM uploads WHERE id = ? AND bucket = ? AND key = ?",
        {id, bucket, Blob{key}});
    return row ? Found(upload_of(*row)) : Found();
  });
}

Result<std::vector<UploadInfo>> LocalObjectStore::list_uploads(const std::string& bucket) const {
  return database_.read([&](Transaction& transaction) -> Result<std::vector<UploadInfo>> {
    EPICRISIS_RETURN_IF_ERROR(require_bucket(transaction, bucket));
    std::vector<UploadInfo> uploads;
    for (const Row& row : transaction.query(
             "SELECT id, bucket, key, created_ms, metadata FROM uploads WHERE bucket = ? ORDER BY key, id",
             {bucket})) {
      uploads.push_back(upload_of(row));
    }
    return uploads;
  });
}

Result<std::unique_ptr<ObjectWriter>> LocalObjectStore::put_part(const UploadInfo& upload, int number) {
  EPICRISIS_ASSIGN_OR_RETURN(detail::FileWriter file, detail::FileWriter::create(blobs_, upload.bucket));
  return std::make_unique<PartWriter>(*this, upload, number, std::move(file));
}

Result<std::vector<PartInfo>> LocalObjectStore::list_parts(const std::string& id) const {
  return database_.read([&](Transaction& transaction) -> Result<std::vector<PartInfo>> {
    EPICRISIS_RETURN_IF_ERROR(require_upload(transaction, id));
    std::vector<PartInfo> parts;
    for (const Row& row : transaction.query(
             "SELECT number, size, etag, modified_ms FROM upload_parts WHERE upload = ? ORDER BY number",
             {id})) {
      parts.push_back({static_cast<int>(row[0].integer()), static_cast<std::uint64_t>(row[1].integer()),
                       row[2].text(), from_ms(row[3].integer())});
    }
    return parts;
  });
}

Result<std::pair<ObjectInfo, std::optional<CompletionFault>>> LocalObjectStore::complete_upload(
    const UploadInfo& upload, const std::vector<PartName>& names) {
  using Outcome = std::pair<ObjectInfo, std::optional<CompletionFault>>;
  std::vector<Segment> garbage;
  auto outcome = database_.write([&](Transaction& transaction) -> Result<Outcome> {
    EPICRISIS_RETURN_IF_ERROR(require_upload(transaction, upload.id));
    std::map<int, StoredPart> stored = stored_parts(transaction, upload.id);
    Outcome result;
    result.second = check_parts(names, stored);
    if (result.second) return result;
    Digest md5(DigestKind::kMd5);
    std::vector<Segment> segments;
    ObjectInfo& object = result.first;
    for (const PartName& name : names) {
      StoredPart& part = stored.at(name.number);
      md5.update(bytes_of_hex(part.etag));
      object.size_bytes += part.size_bytes;
      for (Segment& segment : part.segments) segments.push_back(std::move(segment));
      stored.erase(name.number);
    }
    object.key = upload.key;
    object.etag = to_hex(md5.finish()) + "-" + std::to_string(names.size());
    object.modified = detail::now();
    object.metadata = upload.metadata;
    EPICRISIS_ASSIGN_OR_RETURN(garbage, replace(transaction, upload.bucket, object, segments));
    for (auto& [number, unused] : stored) {
      for (Segment& segment : unused.segments) garbage.push_back(std::move(segment));
    }
    forget(transaction, upload.id);
    return result;
  });
  if (outcome) blobs_.remove(upload.bucket, garbage);
  return outcome;
}

Result<void> LocalObjectStore::abort_upload(const UploadInfo& upload) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::vector<Segment> garbage,
                             database_.write([&](Transaction& transaction) -> Result<std::vector<Segment>> {
                               EPICRISIS_RETURN_IF_ERROR(require_upload(transaction, upload.id));
                               std::vector<Segment> segments;
                               for (auto& [number, part] : stored_parts(transaction, upload.id)) {
                                 for (const Segment& segment : part.segments) segments.push_back(segment);
                               }
                               forget(transaction, upload.id);
                               return segments;
                             }));
  blobs_.remove(upload.bucket, garbage);
  return {};
}

}  // namespace epicrisis::storage
