#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "api/aws/call.hpp"
#include "api/aws/xml.hpp"
#include "api/s3/s3_service.hpp"
#include "server/compute_pool.hpp"
#include "storage/artifacts/object_store.hpp"

namespace epicrisis::api::s3 {

inline constexpr std::string_view kXmlNamespace = "http://s3.amazonaws.com/doc/2006-03-01/";

/// All that an operation needs to answer.
struct Exchange {
  aws::SharedCall call;
  Target target;
  server::Request request;  ///< With its body only where an operation reads one whole.
  storage::ObjectStore& store;
  server::ComputePool& blocking;

  server::Response fault(int status, std::string_view code, std::string_view message) const;
  /// kNotFound is the bucket's.
  server::Response fault(const Error& error) const;
  std::string header(std::string_view name) const {
    return std::string(request.headers.find(name).value_or(""));
  }
};

server::Response no_such_bucket(const Exchange& exchange);
server::Response no_such_key(const Exchange& exchange);
server::Response no_such_upload(const Exchange& exchange);
server::Response xml_response(const aws::XmlWriter& xml);
/// "2009-10-12T17:50:30.000Z" and "Mon, 12 Oct 2009 17:50:30 GMT".
std::string iso_time(storage::Time time);
std::string http_time(storage::Time time);
std::string quoted_etag(std::string_view etag);

// Buckets and listings.
server::Response list_buckets(Exchange& exchange);
server::Response create_bucket(Exchange& exchange);
server::Response head_bucket(Exchange& exchange);
server::Response delete_bucket(Exchange& exchange);
server::Response get_bucket_location(Exchange& exchange);
server::Response list_objects(Exchange& exchange);

// Objects.
server::Response get_object(Exchange& exchange);
server::Response delete_object(Exchange& exchange);
server::Response delete_objects(Exchange& exchange);
server::Response copy_object(Exchange& exchange);
server::Response get_object_tagging(Exchange& exchange);

// Multipart uploads.
server::Response create_multipart_upload(Exchange& exchange);
server::Response complete_multipart_upload(Exchange& exchange);
server::Response abort_multipart_upload(Exchange& exchange);
server::Response list_parts(Exchange& exchange);
server::Response list_multipart_uploads(Exchange& exchange);
server::Response upload_part_copy(Exchange& exchange);

/// Header fields that are kept with an object.
storage::ObjectMetadata metadata_of(const server::Request& request);
/// The bucket and key that x-amz-copy-source names; nothing when it cannot be read.
std::optional<std::pair<std::string, std::string>> copy_source(const Exchange& exchange);
/// Conditions of x-amz-copy-source-if-…; a fault when they do not hold.
std::optional<server::Response> check_copy_conditions(const Exchange& exchange,
                                                      const storage::ObjectInfo& source);
/// Part number 1 to 10,000; nothing for anything else.
std::optional<int> part_number(const Target& target);

/// Bytes [first, last] of an object.
struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};
enum class RangeKind { kWhole, kPart, kUnsatisfiable };
/// Reads "bytes=a-b", "a-", "-n" (RFC 9110, section 14.1.2); several ranges or nonsense mean the whole
/// object.
RangeKind parse_range(std::string_view header, std::uint64_t size_bytes, ByteRange& range);

}  // namespace epicrisis::api::s3
