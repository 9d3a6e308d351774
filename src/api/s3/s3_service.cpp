#include "api/s3/s3_service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "api/s3/exchange.hpp"
#include "api/s3/upload.hpp"
#include "base/digest.hpp"
#include "text/unicode/utf8.hpp"

namespace epicrisis::api::s3 {
namespace {

using aws::Access;
using server::Request;
using server::Response;
using server::Route;

constexpr std::size_t kMaxKeyBytes = 1024;
constexpr std::uint64_t kMaxXmlBytes = 2U << 20;  // 10,000 parts, or 1,000 keys of 1,024 bytes

using Respond = Response (*)(Exchange&);

struct Choice {
  std::string_view name;
  Access access = Access::kData;
  Respond respond = nullptr;  ///< Null: the body goes to the store.
  bool reads_body = false;
};

Response not_implemented(Exchange& exchange) {
  return exchange.fault(501, "NotImplemented",
                        "A header or query you provided implies functionality that is not implemented.");
}

Response method_not_allowed(Exchange& exchange) {
  return exchange.fault(405, "MethodNotAllowed",
                        "The specified method is not allowed against this resource.");
}

Choice bucket_operation(std::string_view method, const Target& target) {
  if (method == "PUT") return {"CreateBucket", Access::kData, create_bucket, true};
  if (method == "HEAD") return {"HeadBucket", Access::kRead, head_bucket};
  if (method == "DELETE") return {"DeleteBucket", Access::kData, delete_bucket};
  if (method == "POST" && target.has("delete")) return {"DeleteObjects", Access::kData, delete_objects, true};
  if (method != "GET") return {"Unknown", Access::kData, method_not_allowed};
  if (target.has("location")) return {"GetBucketLocation", Access::kRead, get_bucket_location};
  if (target.has("uploads")) return {"ListMultipartUploads", Access::kData, list_multipart_uploads};
  for (const char* other : {"acl", "policy", "versioning", "lifecycle", "cors", "tagging", "encryption",
                            "website", "versions", "notification", "replication", "logging", "object-lock"}) {
    if (target.has(other)) return {"Unsupported", Access::kData, not_implemented};
  }
  return {target.value("list-type") == "2" ? "ListObjectsV2" : "ListObjects", Access::kData, list_objects};
}

Choice object_operation(const Request& head, const Target& target) {
  const std::string_view method = head.method;
  const bool copies = head.headers.find("x-amz-copy-source").has_value();
  if (target.has("acl") || (target.has("tagging") && method != "GET")) {
    return {"Unsupported", Access::kData, not_implemented, method == "PUT"};
  }
  if (method == "PUT" && target.has("partNumber")) {
    if (copies) return {"UploadPartCopy", Access::kData, upload_part_copy};
    return {"UploadPart", Access::kData, nullptr};
  }
  if (method == "PUT") {
    if (copies) return {"CopyObject", Access::kData, copy_object};
    return {"PutObject", Access::kData, nullptr};
  }
  if (method == "GET" && target.has("uploadId")) return {"ListParts", Access::kData, list_parts};
  if (method == "GET" && target.has("tagging"))
    return {"GetObjectTagging", Access::kData, get_object_tagging};
  if (method == "GET") return {"GetObject", Access::kData, get_object};
  if (method == "HEAD") return {"HeadObject", Access::kData, get_object};
  if (method == "DELETE" && target.has("uploadId")) {
    return {"AbortMultipartUpload", Access::kData, abort_multipart_upload};
  }
  if (method == "DELETE") return {"DeleteObject", Access::kData, delete_object};
  if (method == "POST" && target.has("uploads")) {
    return {"CreateMultipartUpload", Access::kData, create_multipart_upload};
  }
  if (method == "POST" && target.has("uploadId")) {
    return {"CompleteMultipartUpload", Access::kData, complete_multipart_upload, true};
  }
  return {"Unknown", Access::kData, method_not_allowed};
}

Choice choose(const Request& head, const Target& target) {
  if (target.bucket.empty()) {
    if (head.method == "GET" || head.method == "HEAD") return {"ListBuckets", Access::kRead, list_buckets};
    return {"Unknown", Access::kData, method_not_allowed};
  }
  return target.key.empty() ? bucket_operation(head.method, target) : object_operation(head, target);
}

std::optional<Response> check_names(const Exchange& exchange) {
  const Target& target = exchange.target;
  if (!target.readable) return exchange.fault(400, "InvalidURI", "Couldn't parse the specified URI.");
  if (!target.bucket.empty() && !is_bucket_name(target.bucket)) {
    return exchange.fault(400, "InvalidBucketName", "The specified bucket is not valid.");
  }
  if (target.key.size() > kMaxKeyBytes) return exchange.fault(400, "KeyTooLongError", "Your key is too long");
  if (!is_valid_utf8(target.key))
    return exchange.fault(400, "InvalidArgument", "The key is not valid UTF-8.");
  return std::nullopt;
}

/// An answer to HEAD has no body; clients take the code from the status.
Response without_body(Response response, const Request& request) {
  if (request.method == "HEAD" && response.status >= 400) {
    response.body = ClinicalText();
    response.content_type = "application/xml";
  }
  return response;
}

}  // namespace

bool is_bucket_name(std::string_view name) {
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (name.size() < 3 || name.size() > 63 || !alphanumeric(name.front()) || !alphanumeric(name.back()))
    return false;
  for (const char c : name) {
    if (!alphanumeric(c) && c != '.' && c != '-') return false;
  }
  return name.find("..") == std::string_view::npos;
}

Target target_of(const Request& head, std::string_view domain) {
  Target target;
  const auto query = aws::parse_query(head.query);
  const auto path = aws::percent_decode(head.path);
  target.readable = query.has_value() && path.has_value() && path->starts_with('/');
  if (!target.readable) return target;
  target.query = *query;
  std::string_view host = head.headers.find("host").value_or("");
  host = host.substr(0, host.rfind(':') == std::string_view::npos ? host.size() : host.rfind(':'));
  std::string_view bucket;
  const std::size_t aws_mark = host.rfind(".s3.");
  const std::string suffix = domain.empty() ? std::string() : fmt::format(".{}", domain);
  if (aws_mark != std::string_view::npos && host.ends_with(".amazonaws.com")) {
    bucket = host.substr(0, aws_mark);
  } else if (!suffix.empty() && host.ends_with(suffix)) {
    bucket = host.substr(0, host.size() - suffix.size());
  }
  std::string_view rest = std::string_view(*path).substr(1);
  if (bucket.empty()) {
    bucket = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(rest.size(), bucket.size() + 1));
  }
  target.bucket = std::string(bucket);
  target.key = std::string(rest);
  return target;
}

S3Service::S3Service(S3Options options, storage::ObjectStore& store, storage::AuditLog& audit,
                     server::ComputePool& blocking)
    : options_(std::move(options)), store_(store), audit_(audit), blocking_(blocking) {}

aws::RestService::Operation S3Service::operation(const Request& head) {
  Target target = target_of(head, options_.domain);
  const Choice choice = choose(head, target);
  auto make = [this, choice, target = std::move(target), head](const aws::SharedCall& call,
                                                               const aws::PayloadCheck& payload) {
    auto exchange = std::make_shared<Exchange>(Exchange{call, target, head, store_, blocking_});
    if (is_bucket_name(target.bucket)) {
      call->resource = fmt::format("arn:aws:s3:::{}", target.bucket);
      // A key may be a patient's name.
      if (!target.key.empty()) call->resource += "/#" + audit_.pseudonym(target.bucket + "/" + target.key);
    }
    Route route;
    if (std::optional<Response> refused = check_names(*exchange)) {
      route.refusal = without_body(std::move(*refused), head);
      return route;
    }
    if (choice.respond == nullptr) return upload_route(exchange, payload, options_.max_put_bytes);
    route.max_body_bytes = choice.reads_body ? kMaxXmlBytes : 64 * 1024;
    route.handler = [exchange, payload, respond = choice.respond](Request request, const std::stop_token&,
                                                                  const server::Responder& responder) {
      exchange->request = std::move(request);
      const bool taken = exchange->blocking.try_submit([exchange, payload, respond, responder] {
        if (std::optional<Response> wrong = check_whole_body(*exchange, payload))
          return responder.send(*wrong);
        responder.send(without_body(respond(*exchange), exchange->request));
      });
      if (!taken) responder.send(exchange->fault(503, "SlowDown", "Please reduce your request rate."));
    };
    return route;
  };
  return {std::string(choice.name), choice.access, std::move(make)};
}

}  // namespace epicrisis::api::s3
