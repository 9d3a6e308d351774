#include "hub/object_download.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <optional>
#include <thread>

#include "base/files.hpp"
#include "hub/detail/http_client.hpp"
#include "hub/detail/text.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;

constexpr int kAttempts = 5;

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string first_of(const char* name, const char* other, const char* fallback) {
  if (std::string value = variable(name); !value.empty()) return value;
  if (std::string value = variable(other); !value.empty()) return value;
  return fallback;
}

/// Takes the body of a 200 into a file, and no other.
class FileSink : public detail::HttpSink {
 public:
  explicit FileSink(fs::path target) : target_(std::move(target)) {}

  Result<void> begin(const detail::HttpHead& head) override {
    head_ = head;
    if (head.status != 200) return {};
    EPICRISIS_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(target_));
    file_.emplace(std::move(file));
    return {};
  }
  Result<void> take(std::span<const std::byte> bytes) override {
    return file_ ? file_->write(bytes) : Result<void>();
  }
  Result<void> commit() { return file_->commit(); }
  const detail::HttpHead& head() const { return head_; }

 private:
  fs::path target_;
  detail::HttpHead head_;
  std::optional<AtomicFile> file_;
};

std::string url_of(const ObjectStoreOptions& options, const std::string& bucket, const std::string& key) {
  const std::string path = detail::percent_encoded(key, "/");
  std::string endpoint = options.endpoint;
  while (endpoint.ends_with('/')) endpoint.pop_back();
  // A bucket with dots has no certificate as a host.
  const bool by_path = !endpoint.empty() || bucket.find('.') != std::string::npos;
  if (endpoint.empty()) endpoint = fmt::format("https://s3.{}.amazonaws.com", options.region);
  if (by_path) return fmt::format("{}/{}/{}", endpoint, detail::percent_encoded(bucket), path);
  return fmt::format("https://{}.s3.{}.amazonaws.com/{}", bucket, options.region, path);
}

Result<void> check_endpoint(const std::string& url) {
  EPICRISIS_ASSIGN_OR_RETURN(const detail::UrlParts parts, detail::parse_url(url));
  if (parts.has_credentials || parts.has_query)
    return Error{ErrorCode::kInvalidArgument,
                 "The endpoint of the object store must be scheme, host and path only.", ""};
  if (parts.is_encrypted || parts.is_loopback) return {};
  return Error{ErrorCode::kPermissionDenied,
               fmt::format("Clinical text would travel unencrypted from {}; use https in AWS_ENDPOINT_URL.",
                           parts.origin),
               ""};
}

Error refused(const detail::HttpHead& head, const std::string& bucket, const std::string& key) {
  const std::string what = detail::in_quotes(fmt::format("s3://{}/{}", bucket, key));
  const std::string detail = fmt::format("status {}", head.status);
  if (head.status == 404) return {ErrorCode::kNotFound, fmt::format("There is no object {}.", what), detail};
  if (head.status == 401 || head.status == 403)
    return {ErrorCode::kPermissionDenied,
            fmt::format("The object store refuses {}; check the AWS_ variables and the clock.", what),
            detail};
  if (head.status >= 300 && head.status < 400)
    return {ErrorCode::kInvalidArgument,
            fmt::format("The bucket of {} lies in another region; set AWS_REGION{}.", what,
                        head.find("x-amz-bucket-region")
                            ? fmt::format(" to {}", detail::in_quotes(*head.find("x-amz-bucket-region")))
                            : ""),
            detail};
  return {head.status >= 500 || head.status == 429 ? ErrorCode::kUnavailable : ErrorCode::kInvalidArgument,
          fmt::format("The object store does not give {}.", what), detail};
}

}  // namespace

Result<ObjectStoreOptions> ObjectStoreOptions::from_environment() {
  ObjectStoreOptions options;
  options.endpoint = first_of("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "");
  options.region = first_of("AWS_REGION", "AWS_DEFAULT_REGION", "us-east-1");
  options.access_key_id = variable("AWS_ACCESS_KEY_ID");
  options.secret_access_key = variable("AWS_SECRET_ACCESS_KEY");
  options.session_token = variable("AWS_SESSION_TOKEN");
  for (const auto& [name, value] : {std::pair{"AWS_ACCESS_KEY_ID", &options.access_key_id},
                                    std::pair{"AWS_SECRET_ACCESS_KEY", &options.secret_access_key}})
    if (value->empty())
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("Reading s3:// needs the variable {}, which is not set.", name), ""};
  return options;
}

Result<fs::path> download_object(const ObjectStoreOptions& options, const std::string& bucket,
                                 const std::string& key, const fs::path& folder) {
  const fs::path name = fs::path(key).filename();
  if (name.empty() || name == "." || name == "..")
    return Error{ErrorCode::kInvalidArgument, "The key of an object must end in a file's name.", ""};
  detail::HttpRequest request;
  request.url = url_of(options, bucket, key);
  request.fields = {"x-amz-content-sha256: UNSIGNED-PAYLOAD"};
  if (!options.session_token.empty())
    request.fields.push_back("x-amz-security-token: " + options.session_token);
  request.signing = {"s3", options.region, options.access_key_id, options.secret_access_key};
  EPICRISIS_RETURN_IF_ERROR(check_endpoint(request.url));
  detail::HttpClientOptions http_options;
  http_options.cancelled = options.cancelled;
  EPICRISIS_ASSIGN_OR_RETURN(detail::HttpClient http, detail::HttpClient::create(std::move(http_options)));
  for (int attempt = 1;; ++attempt) {
    FileSink sink(folder / name);
    Result<void> sent = http.send(request, sink);
    if (sent && sink.head().status == 200) {
      EPICRISIS_RETURN_IF_ERROR(sink.commit());
      return folder / name;
    }
    const Error error = sent ? refused(sink.head(), bucket, key) : std::move(sent).error();
    if (error.code != ErrorCode::kUnavailable || attempt == kAttempts) return error;
    std::this_thread::sleep_for(options.first_pause * (1 << (attempt - 1)));
  }
}

}  // namespace epicrisis
