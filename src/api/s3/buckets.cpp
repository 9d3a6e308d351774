#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "api/s3/exchange.hpp"
#include "base/digest.hpp"
#include "text/unicode/base64.hpp"

namespace epicrisis::api::s3 {
namespace {

using aws::XmlElement;
using aws::XmlWriter;
using server::Response;

constexpr std::size_t kMaxKeys = 1000;
constexpr std::size_t kTokenHashBytes = 8;

/// Where the next page begins; the hash tells a token from anything else.
std::string encode_token(const storage::Listing& page) {
  const std::string place = (page.last_is_prefix ? "p" : "k") + page.last;
  return encode_base64(digest_of(DigestKind::kSha256, place).substr(0, kTokenHashBytes) + place);
}

bool decode_token(const std::string& token, storage::ListQuery& query) {
  const auto bytes = decode_base64(token);
  if (!bytes || bytes->size() <= kTokenHashBytes) return false;
  const std::string place = bytes->substr(kTokenHashBytes);
  if (digest_of(DigestKind::kSha256, place).substr(0, kTokenHashBytes) != bytes->substr(0, kTokenHashBytes))
    return false;
  query.after = place.substr(1);
  query.after_is_prefix = place.front() == 'p';
  return true;
}

/// A marker that is itself a common prefix came from a page that ended with it.
bool is_common_prefix(const storage::ListQuery& query) {
  if (query.delimiter.empty() || !query.after.starts_with(query.prefix)) return false;
  const std::size_t found = query.after.find(query.delimiter, query.prefix.size());
  return found != std::string::npos && found + query.delimiter.size() == query.after.size();
}

std::optional<Response> read_query(const Exchange& exchange, bool v2, storage::ListQuery& query) {
  const Target& target = exchange.target;
  query.prefix = target.value("prefix");
  query.delimiter = target.value("delimiter");
  query.after = target.value(v2 ? "start-after" : "marker");
  query.after_is_prefix = is_common_prefix(query);
  const std::string max_keys = target.value("max-keys");
  if (!max_keys.empty()) {
    std::int32_t count = 0;
    const auto [end, failure] = std::from_chars(max_keys.data(), max_keys.data() + max_keys.size(), count);
    if (failure != std::errc() || end != max_keys.data() + max_keys.size() || count < 0) {
      return exchange.fault(400, "InvalidArgument", "max-keys must be an integer between 0 and 2147483647");
    }
    query.max_keys = std::min(static_cast<std::size_t>(count), kMaxKeys);
  }
  if (v2 && target.has("continuation-token") && !decode_token(target.value("continuation-token"), query)) {
    return exchange.fault(400, "InvalidArgument", "The continuation token provided is incorrect");
  }
  const std::string encoding = target.value("encoding-type");
  if (!encoding.empty() && encoding != "url") {
    return exchange.fault(400, "InvalidArgument", "Invalid Encoding Method specified in Request");
  }
  return std::nullopt;
}

void write_page(XmlElement root, const storage::Listing& page, bool url, bool with_owner) {
  const auto name = [&](const std::string& text) { return url ? aws::percent_encode(text, "/") : text; };
  for (const storage::ObjectInfo& object : page.objects) {
    XmlElement entry = root.child("Contents");
    entry.text("Key", name(object.key));
    entry.text("LastModified", iso_time(object.modified));
    entry.text("ETag", quoted_etag(object.etag));
    entry.number("Size", object.size_bytes);
    entry.text("StorageClass", "STANDARD");
    if (with_owner) entry.child("Owner").text("ID", "epicrisis");
  }
  for (const std::string& prefix : page.common_prefixes)
    root.child("CommonPrefixes").text("Prefix", name(prefix));
}

}  // namespace

Response list_buckets(Exchange& exchange) {
  const auto buckets = exchange.store.list_buckets();
  if (!buckets) return exchange.fault(buckets.error());
  XmlWriter xml("ListAllMyBucketsResult", kXmlNamespace);
  XmlElement owner = xml.root().child("Owner");
  owner.text("ID", "epicrisis");
  owner.text("DisplayName", "epicrisis");
  XmlElement list = xml.root().child("Buckets");
  for (const storage::BucketInfo& bucket : *buckets) {
    XmlElement entry = list.child("Bucket");
    entry.text("Name", bucket.name);
    entry.text("CreationDate", iso_time(bucket.created));
  }
  return xml_response(xml);
}

Response create_bucket(Exchange& exchange) {
  std::string region = exchange.call->region;
  const std::string& body = exchange.request.body.reveal();
  if (!body.empty()) {
    const auto configuration = aws::parse_xml(body);
    if (!configuration || configuration->name != "CreateBucketConfiguration") {
      return exchange.fault(400, "MalformedXML",
                            "The XML you provided was not well-formed or did not validate.");
    }
    const std::string_view constraint = configuration->value("LocationConstraint");
    if (!constraint.empty()) region = std::string(constraint);
  }
  const Result<void> created = exchange.store.create_bucket(exchange.target.bucket, region);
  const bool there = !created && created.error().code == ErrorCode::kConflict;
  if (there && exchange.call->region != "us-east-1") {
    return exchange.fault(409, "BucketAlreadyOwnedByYou",
                          "The bucket you tried to create already exists, and you own it.");
  }
  if (!created && !there) return exchange.fault(created.error());
  Response response;
  response.headers.add("Location", "/" + exchange.target.bucket);
  return response;
}

Response head_bucket(Exchange& exchange) {
  const auto bucket = exchange.store.find_bucket(exchange.target.bucket);
  if (!bucket) return exchange.fault(bucket.error());
  if (!*bucket) return no_such_bucket(exchange);
  Response response;
  response.content_type = "application/xml";
  response.headers.add("x-amz-bucket-region", (*bucket)->region);
  return response;
}

Response delete_bucket(Exchange& exchange) {
  const Result<void> deleted = exchange.store.delete_bucket(exchange.target.bucket);
  if (!deleted && deleted.error().code == ErrorCode::kConflict) {
    return exchange.fault(409, "BucketNotEmpty", "The bucket you tried to delete is not empty");
  }
  if (!deleted) return exchange.fault(deleted.error());
  return {204, "", {}, {}};
}

Response get_bucket_location(Exchange& exchange) {
  const auto bucket = exchange.store.find_bucket(exchange.target.bucket);
  if (!bucket) return exchange.fault(bucket.error());
  if (!*bucket) return no_such_bucket(exchange);
  XmlWriter xml("LocationConstraint", kXmlNamespace);
  if ((*bucket)->region != "us-east-1") xml.set_root_text((*bucket)->region);
  return xml_response(xml);
}

Response list_objects(Exchange& exchange) {
  const Target& target = exchange.target;
  const bool v2 = target.value("list-type") == "2";
  storage::ListQuery query;
  if (auto refused = read_query(exchange, v2, query)) return std::move(*refused);
  const auto page = exchange.store.list(target.bucket, query);
  if (!page) return exchange.fault(page.error());
  const bool url = target.value("encoding-type") == "url";
  const auto name = [&](const std::string& text) { return url ? aws::percent_encode(text, "/") : text; };
  XmlWriter xml("ListBucketResult", kXmlNamespace);
  XmlElement root = xml.root();
  root.text("Name", target.bucket);
  root.text("Prefix", name(query.prefix));
  if (!query.delimiter.empty()) root.text("Delimiter", name(query.delimiter));
  root.number("MaxKeys", query.max_keys);
  if (url) root.text("EncodingType", "url");
  root.flag("IsTruncated", page->is_truncated);
  if (v2) {
    root.number("KeyCount", page->objects.size() + page->common_prefixes.size());
    if (target.has("start-after")) root.text("StartAfter", name(target.value("start-after")));
    if (target.has("continuation-token")) root.text("ContinuationToken", target.value("continuation-token"));
    if (page->is_truncated) root.text("NextContinuationToken", encode_token(*page));
  } else {
    root.text("Marker", name(target.value("marker")));
    if (page->is_truncated && !query.delimiter.empty()) root.text("NextMarker", name(page->last));
  }
  write_page(root, *page, url, !v2 || target.value("fetch-owner") == "true");
  return xml_response(xml);
}

}  // namespace epicrisis::api::s3
