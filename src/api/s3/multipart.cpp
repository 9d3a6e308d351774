#include <algorithm>
#include <charconv>
#include <utility>

#include "api/s3/exchange.hpp"

namespace epicrisis::api::s3 {
namespace {

using aws::XmlElement;
using aws::XmlWriter;
using server::Response;
using storage::CompletionFault;

constexpr std::size_t kCopyBytes = 1U << 20;
constexpr std::size_t kMaxListed = 1000;

/// The upload that a request names, or the answer when there is none.
std::variant<storage::UploadInfo, Response> upload_of(const Exchange& exchange) {
  const Target& target = exchange.target;
  auto upload = exchange.store.find_upload(target.bucket, target.key, target.value("uploadId"));
  if (!upload) return exchange.fault(upload.error());
  if (!*upload) return no_such_upload(exchange);
  return std::move(**upload);
}

Response completion_fault(const Exchange& exchange, CompletionFault fault) {
  switch (fault) {
    case CompletionFault::kInvalidPart:
      return exchange.fault(400, "InvalidPart", "One or more of the specified parts could not be found.");
    case CompletionFault::kInvalidPartOrder:
      return exchange.fault(400, "InvalidPartOrder", "The list of parts was not in ascending order.");
    case CompletionFault::kTooSmall:
      break;
  }
  return exchange.fault(400, "EntityTooSmall",
                        "Your proposed upload is smaller than the minimum allowed size");
}

std::optional<std::vector<storage::PartName>> read_parts(std::string_view body) {
  const auto input = aws::parse_xml(body);
  if (!input || input->name != "CompleteMultipartUpload") return std::nullopt;
  std::vector<storage::PartName> parts;
  for (const aws::XmlNode& node : input->children) {
    if (node.name != "Part") continue;
    const std::string_view number = node.value("PartNumber");
    std::string_view etag = node.value("ETag");
    storage::PartName part;
    const auto [end, failure] = std::from_chars(number.data(), number.data() + number.size(), part.number);
    if (failure != std::errc() || end != number.data() + number.size() || etag.empty()) return std::nullopt;
    if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') etag = etag.substr(1, etag.size() - 2);
    part.etag = std::string(etag);
    parts.push_back(std::move(part));
  }
  if (parts.empty()) return std::nullopt;
  return parts;
}

/// A limit or marker of a query: a whole number, or `fallback` when it is absent or none.
std::size_t number_of(const Target& target, std::string_view name, std::size_t fallback) {
  const std::string text = target.value(name);
  std::size_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failure == std::errc() && end == text.data() + text.size() ? value : fallback;
}

}  // namespace

Response create_multipart_upload(Exchange& exchange) {
  const auto upload =
      exchange.store.begin_upload(exchange.target.bucket, exchange.target.key, metadata_of(exchange.request));
  if (!upload) return exchange.fault(upload.error());
  XmlWriter xml("InitiateMultipartUploadResult", kXmlNamespace);
  xml.root().text("Bucket", upload->bucket);
  xml.root().text("Key", upload->key);
  xml.root().text("UploadId", upload->id);
  return xml_response(xml);
}

Response complete_multipart_upload(Exchange& exchange) {
  const auto upload = upload_of(exchange);
  if (const auto* refused = std::get_if<Response>(&upload)) return *refused;
  const auto parts = read_parts(exchange.request.body.reveal());
  if (!parts) {
    return exchange.fault(400, "MalformedXML",
                          "The XML you provided was not well-formed or did not validate.");
  }
  const auto completed = exchange.store.complete_upload(std::get<storage::UploadInfo>(upload), *parts);
  if (!completed && completed.error().code == ErrorCode::kNotFound) return no_such_upload(exchange);
  if (!completed) return exchange.fault(completed.error());
  if (completed->second) return completion_fault(exchange, *completed->second);
  XmlWriter xml("CompleteMultipartUploadResult", kXmlNamespace);
  xml.root().text("Location", exchange.target.path());
  xml.root().text("Bucket", exchange.target.bucket);
  xml.root().text("Key", exchange.target.key);
  xml.root().text("ETag", quoted_etag(completed->first.etag));
  return xml_response(xml);
}

Response abort_multipart_upload(Exchange& exchange) {
  const auto upload = upload_of(exchange);
  if (const auto* refused = std::get_if<Response>(&upload)) return *refused;
  const Result<void> aborted = exchange.store.abort_upload(std::get<storage::UploadInfo>(upload));
  if (!aborted && aborted.error().code == ErrorCode::kNotFound) return no_such_upload(exchange);
  if (!aborted) return exchange.fault(aborted.error());
  return {204, "", {}, {}};
}

Response list_parts(Exchange& exchange) {
  const auto upload = upload_of(exchange);
  if (const auto* refused = std::get_if<Response>(&upload)) return *refused;
  const auto parts = exchange.store.list_parts(std::get<storage::UploadInfo>(upload).id);
  if (!parts) return no_such_upload(exchange);
  const std::size_t after = number_of(exchange.target, "part-number-marker", 0);
  const std::size_t limit = std::min(number_of(exchange.target, "max-parts", kMaxListed), kMaxListed);
  XmlWriter xml("ListPartsResult", kXmlNamespace);
  XmlElement root = xml.root();
  root.text("Bucket", exchange.target.bucket);
  root.text("Key", exchange.target.key);
  root.text("UploadId", exchange.target.value("uploadId"));
  root.number("PartNumberMarker", after);
  root.number("MaxParts", limit);
  std::size_t listed = 0;
  int last = 0;
  bool truncated = false;
  for (const storage::PartInfo& part : *parts) {
    if (static_cast<std::size_t>(part.number) <= after) continue;
    truncated = listed == limit;
    if (truncated) break;
    ++listed;
    last = part.number;
    XmlElement entry = root.child("Part");
    entry.number("PartNumber", static_cast<std::uint64_t>(part.number));
    entry.text("LastModified", iso_time(part.modified));
    entry.text("ETag", quoted_etag(part.etag));
    entry.number("Size", part.size_bytes);
  }
  if (truncated) root.number("NextPartNumberMarker", static_cast<std::uint64_t>(last));
  root.flag("IsTruncated", truncated);
  return xml_response(xml);
}

Response list_multipart_uploads(Exchange& exchange) {
  const auto uploads = exchange.store.list_uploads(exchange.target.bucket);
  if (!uploads) return exchange.fault(uploads.error());
  const std::string prefix = exchange.target.value("prefix");
  const std::pair<std::string, std::string> after(exchange.target.value("key-marker"),
                                                  exchange.target.value("upload-id-marker"));
  const std::size_t limit = std::min(number_of(exchange.target, "max-uploads", kMaxListed), kMaxListed);
  const bool url = exchange.target.value("encoding-type") == "url";
  const auto name = [&](const std::string& text) { return url ? aws::percent_encode(text, "/") : text; };
  XmlWriter xml("ListMultipartUploadsResult", kXmlNamespace);
  XmlElement root = xml.root();
  root.text("Bucket", exchange.target.bucket);
  root.text("Prefix", name(prefix));
  root.number("MaxUploads", limit);
  if (url) root.text("EncodingType", "url");
  std::size_t listed = 0;
  bool truncated = false;
  const storage::UploadInfo* last = nullptr;
  for (const storage::UploadInfo& upload : *uploads) {
    const bool past_marker = upload.key > after.first ||
                             (upload.key == after.first && !after.second.empty() && upload.id > after.second);
    if (!upload.key.starts_with(prefix) || (!after.first.empty() && !past_marker)) continue;
    truncated = listed == limit;
    if (truncated) break;
    ++listed;
    last = &upload;
    XmlElement entry = root.child("Upload");
    entry.text("Key", name(upload.key));
    entry.text("UploadId", upload.id);
    entry.text("Initiated", iso_time(upload.created));
    entry.text("StorageClass", "STANDARD");
  }
  if (truncated && last != nullptr) {
    root.text("NextKeyMarker", name(last->key));
    root.text("NextUploadIdMarker", last->id);
  }
  root.flag("IsTruncated", truncated);
  return xml_response(xml);
}

Response upload_part_copy(Exchange& exchange) {
  const std::optional<int> number = part_number(exchange.target);
  if (!number) {
    return exchange.fault(400, "InvalidArgument",
                          "Part number must be an integer between 1 and 10000, inclusive");
  }
  const auto upload = upload_of(exchange);
  if (const auto* refused = std::get_if<Response>(&upload)) return *refused;
  const auto names = copy_source(exchange);
  if (!names)
    return exchange.fault(400, "InvalidArgument", "Copy Source must mention the source bucket and key");
  const auto source = exchange.store.open(names->first, names->second);
  if (!source) return exchange.fault(source.error());
  if (!*source) return no_such_key(exchange);
  const storage::ObjectInfo& object = (*source)->info();
  if (auto refused = check_copy_conditions(exchange, object)) return std::move(*refused);
  ByteRange range{0, object.size_bytes - 1};
  std::uint64_t left = object.size_bytes;
  if (const std::string sent = exchange.header("x-amz-copy-source-range"); !sent.empty()) {
    if (parse_range(sent, object.size_bytes, range) != RangeKind::kPart) {
      return exchange.fault(416, "InvalidRange", "The requested range is not satisfiable");
    }
    left = range.last - range.first + 1;
  }
  auto writer = exchange.store.put_part(std::get<storage::UploadInfo>(upload), *number);
  if (!writer) return exchange.fault(writer.error());
  for (std::uint64_t offset = range.first; left > 0;) {
    const auto piece = (*source)->read(offset, std::min<std::uint64_t>(left, kCopyBytes));
    if (!piece || piece->empty()) return exchange.fault(500, "InternalError", "The source cannot be read.");
    if (const auto written = (*writer)->write(*piece); !written) return exchange.fault(written.error());
    offset += piece->size();
    left -= piece->size();
  }
  const auto part = (*writer)->commit({});
  if (!part) return no_such_upload(exchange);
  XmlWriter xml("CopyPartResult", kXmlNamespace);
  xml.root().text("LastModified", iso_time(part->modified));
  xml.root().text("ETag", quoted_etag(part->etag));
  return xml_response(xml);
}

}  // namespace epicrisis::api::s3
