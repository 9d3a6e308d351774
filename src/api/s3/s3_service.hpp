#pragma once

#include <string>

#include "api/aws/front.hpp"
#include "storage/artifacts/object_store.hpp"

namespace epicrisis::api::s3 {

struct S3Options {
  std::string
      domain;  ///< Buckets are also taken from hosts <bucket>.<domain>; empty: from AWS' own names only.
  std::uint64_t max_put_bytes = 5ULL << 30;
};

/// What an S3 request names.
struct Target {
  std::string bucket;  ///< Empty: the service itself.
  std::string key;     ///< Empty: the bucket.
  aws::Parameters query;
  bool readable = true;  ///< False: the path or query cannot be percent-decoded.

  bool has(std::string_view name) const { return aws::find(query, name).has_value(); }
  std::string value(std::string_view name) const { return std::string(aws::find(query, name).value_or("")); }
  std::string path() const { return bucket.empty() ? "/" : "/" + bucket + (key.empty() ? "" : "/" + key); }
};

/// Path style, and virtual hosts of AWS and of `domain`.
Target target_of(const server::Request& head, std::string_view domain);
bool is_bucket_name(std::string_view name);

/// S3's REST protocol over an ObjectStore (docs/aws.md lists the operations). Handlers run on the blocking
/// pool; bodies of objects and parts go straight to the store as they arrive.
class S3Service final : public aws::RestService {
 public:
  /// All outlive the service.
  S3Service(S3Options options, storage::ObjectStore& store, storage::AuditLog& audit,
            server::ComputePool& blocking);
  Operation operation(const server::Request& head) override;

 private:
  const S3Options options_;
  storage::ObjectStore& store_;
  storage::AuditLog& audit_;
  server::ComputePool& blocking_;
};

}  // namespace epicrisis::api::s3
