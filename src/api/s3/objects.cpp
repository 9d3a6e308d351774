#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include "api/s3/exchange.hpp"
#include "server/body_stream.hpp"

namespace epicrisis::api::s3 {
namespace {

using aws::XmlElement;
using aws::XmlWriter;
using server::Response;
using storage::ObjectInfo;

constexpr std::size_t kPieceBytes = 256 * 1024;
constexpr std::size_t kMaxDeleted = 1000;
constexpr std::string_view kChecksum = "x-amz-checksum-";

/// Bytes of an object, read piece by piece on the blocking pool.
class ObjectSource final : public server::BodySource, public std::enable_shared_from_this<ObjectSource> {
 public:
  ObjectSource(std::unique_ptr<storage::ObjectReader> reader, std::uint64_t offset, std::uint64_t count,
               server::ComputePool& blocking)
      : reader_(std::move(reader)), offset_(offset), left_(count), size_bytes_(count), blocking_(blocking) {}

  std::optional<std::uint64_t> size_bytes() const override { return size_bytes_; }

  void next(Deliver deliver) override {
    auto work = [self = shared_from_this(), deliver] {
      const std::size_t count = std::min<std::uint64_t>(kPieceBytes, self->left_);
      Result<std::string> piece = self->reader_->read(self->offset_, count);
      if (!piece) return deliver(std::nullopt);
      self->offset_ += piece->size();
      self->left_ -= piece->size();
      deliver(std::move(*piece));
    };
    if (!blocking_.try_submit(std::move(work))) deliver(std::nullopt);
  }

 private:
  std::unique_ptr<storage::ObjectReader> reader_;
  std::uint64_t offset_;
  std::uint64_t left_;
  const std::uint64_t size_bytes_;
  server::ComputePool& blocking_;
};

/// Whether a list of entity tags names `etag`.
bool names_etag(std::string_view list, std::string_view etag) {
  if (list == "*") return true;
  while (!list.empty()) {
    std::string_view one = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), one.size() + 1));
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one.size() >= 2 && one.front() == '"') one = one.substr(1, one.size() - 2);
    if (one == etag) return true;
  }
  return false;
}

std::optional<std::time_t> parse_http_time(const std::string& text) {
  std::tm time{};
  const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &time);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return ::timegm(&time);
}

/// 412 or 304 when a condition of RFC 9110, section 13, says so.
std::optional<int> failed_condition(const Exchange& exchange, const ObjectInfo& object) {
  const std::time_t modified = std::chrono::system_clock::to_time_t(object.modified);
  const auto match = exchange.request.headers.joined("if-match");
  if (match && !names_etag(*match, object.etag)) return 412;
  const auto unmodified = parse_http_time(exchange.header("if-unmodified-since"));
  if (!match && unmodified && modified > *unmodified) return 412;
  const auto none_match = exchange.request.headers.joined("if-none-match");
  if (none_match) return names_etag(*none_match, object.etag) ? std::optional(304) : std::nullopt;
  const auto since = parse_http_time(exchange.header("if-modified-since"));
  return since && modified <= *since ? std::optional(304) : std::nullopt;
}

/// The object's own header fields, with those that the query overrides.
std::optional<Response> add_fields(const Exchange& exchange, const ObjectInfo& object, Response& response) {
  constexpr std::array<std::string_view, 5> kOverridden = {"cache-control", "content-disposition",
                                                           "content-encoding", "content-language", "expires"};
  const auto type = exchange.target.value("response-content-type");
  response.content_type = !type.empty()                           ? type
                          : !object.metadata.content_type.empty() ? object.metadata.content_type
                                                                  : "binary/octet-stream";
  auto fields = object.metadata.fields;
  for (const std::string_view name : kOverridden) {
    const std::string value = exchange.target.value(fmt::format("response-{}", name));
    if (!value.empty()) fields[std::string(name)] = value;
  }
  const bool wants_checksums = exchange.header("x-amz-checksum-mode") == "ENABLED" && response.status == 200;
  for (const auto& [name, value] : fields) {
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      return exchange.fault(400, "InvalidArgument", "A header value must not hold line ends.");
    }
    if (!name.starts_with(kChecksum) || wants_checksums) response.headers.add(name, value);
  }
  if (response.content_type.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
    return exchange.fault(400, "InvalidArgument", "A header value must not hold line ends.");
  }
  return std::nullopt;
}

}  // namespace

Response get_object(Exchange& exchange) {
  Result<std::unique_ptr<storage::ObjectReader>> reader =
      exchange.store.open(exchange.target.bucket, exchange.target.key);
  if (!reader) return exchange.fault(reader.error());
  if (!*reader) return no_such_key(exchange);
  const ObjectInfo object = (*reader)->info();
  Response response;
  response.headers.add("ETag", quoted_etag(object.etag));
  response.headers.add("Last-Modified", http_time(object.modified));
  response.headers.add("Accept-Ranges", "bytes");
  if (const auto failed = failed_condition(exchange, object)) {
    response.status = *failed;
    if (*failed == 304) return response;
    return exchange.fault(412, "PreconditionFailed",
                          "At least one of the pre-conditions you specified did not hold");
  }
  ByteRange range{0, object.size_bytes - 1};
  const RangeKind kind = parse_range(exchange.header("range"), object.size_bytes, range);
  if (kind == RangeKind::kUnsatisfiable) {
    Response refused = exchange.fault(416, "InvalidRange", "The requested range is not satisfiable");
    refused.headers.add("Content-Range", fmt::format("bytes */{}", object.size_bytes));
    return refused;
  }
  std::uint64_t count = object.size_bytes;
  if (kind == RangeKind::kPart) {
    response.status = 206;
    response.headers.add("Content-Range",
                         fmt::format("bytes {}-{}/{}", range.first, range.last, object.size_bytes));
    count = range.last - range.first + 1;
  } else {
    range.first = 0;
  }
  if (auto refused = add_fields(exchange, object, response)) return std::move(*refused);
  response.stream = std::make_shared<ObjectSource>(std::move(*reader), range.first, count, exchange.blocking);
  return response;
}

Response delete_object(Exchange& exchange) {
  const Result<bool> removed = exchange.store.remove(exchange.target.bucket, exchange.target.key);
  if (!removed) return exchange.fault(removed.error());
  return {204, "", {}, {}};
}

Response delete_objects(Exchange& exchange) {
  bool checked = exchange.request.headers.find("content-md5").has_value();
  for (const server::Headers::Field& field : exchange.request.headers.fields()) {
    checked = checked || (field.name.size() > kChecksum.size() &&
                          server::equals_ignoring_case(field.name.substr(0, kChecksum.size()), kChecksum));
  }
  checked = checked || !exchange.header("x-amz-trailer").empty();
  if (!checked) {
    return exchange.fault(400, "InvalidRequest", "Missing required header for this request: Content-MD5");
  }
  const auto input = aws::parse_xml(exchange.request.body.reveal());
  if (!input || input->name != "Delete" || input->find("Object") == nullptr) {
    return exchange.fault(400, "MalformedXML",
                          "The XML you provided was not well-formed or did not validate.");
  }
  const auto bucket = exchange.store.find_bucket(exchange.target.bucket);
  if (!bucket) return exchange.fault(bucket.error());
  if (!*bucket) return no_such_bucket(exchange);
  const bool quiet = input->value("Quiet") == "true";
  XmlWriter xml("DeleteResult", kXmlNamespace);
  std::size_t count = 0;
  for (const aws::XmlNode& node : input->children) {
    if (node.name != "Object") continue;
    const std::string key(node.value("Key"));
    if (key.empty() || ++count > kMaxDeleted) {
      return exchange.fault(400, "MalformedXML",
                            "The XML you provided was not well-formed or did not validate.");
    }
    const Result<bool> removed = exchange.store.remove(exchange.target.bucket, key);
    if (removed && quiet) continue;
    XmlElement entry = xml.root().child(removed ? "Deleted" : "Error");
    entry.text("Key", key);
    if (removed) continue;
    entry.text("Code", "InternalError");
    entry.text("Message", "We encountered an internal error. Please try again.");
  }
  return xml_response(xml);
}

Response copy_object(Exchange& exchange) {
  const auto names = copy_source(exchange);
  if (!names)
    return exchange.fault(400, "InvalidArgument", "Copy Source must mention the source bucket and key");
  const auto source = exchange.store.find(names->first, names->second);
  if (!source) return exchange.fault(source.error());
  if (!*source) return no_such_key(exchange);
  if (auto refused = check_copy_conditions(exchange, **source)) return std::move(*refused);
  const std::string directive = exchange.header("x-amz-metadata-directive");
  if (!directive.empty() && directive != "COPY" && directive != "REPLACE") {
    return exchange.fault(400, "InvalidArgument", "Unknown metadata directive.");
  }
  const bool replaces = directive == "REPLACE";
  const bool onto_itself = names->first == exchange.target.bucket && names->second == exchange.target.key;
  if (onto_itself && !replaces) {
    return exchange.fault(
        400, "InvalidRequest",
        "This copy request is illegal because it is trying to copy an object to itself without "
        "changing the object's metadata, storage class, website redirect location or encryption "
        "attributes.");
  }
  std::optional<storage::ObjectMetadata> metadata;
  if (replaces) metadata = metadata_of(exchange.request);
  const auto copied =
      exchange.store.copy(names->first, names->second, exchange.target.bucket, exchange.target.key, metadata);
  if (!copied) return exchange.fault(copied.error());
  if (!*copied) return no_such_key(exchange);
  XmlWriter xml("CopyObjectResult", kXmlNamespace);
  xml.root().text("LastModified", iso_time((*copied)->modified));
  xml.root().text("ETag", quoted_etag((*copied)->etag));
  return xml_response(xml);
}

Response get_object_tagging(Exchange& exchange) {
  const auto object = exchange.store.find(exchange.target.bucket, exchange.target.key);
  if (!object) return exchange.fault(object.error());
  if (!*object) return no_such_key(exchange);
  XmlWriter xml("Tagging", kXmlNamespace);
  xml.root().child("TagSet");
  return xml_response(xml);
}

}  // namespace epicrisis::api::s3
