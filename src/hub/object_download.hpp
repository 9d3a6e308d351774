#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>

#include "base/result.hpp"

namespace epicrisis {

/// How to reach a store that speaks the S3 protocol.
struct ObjectStoreOptions {
  std::string endpoint;  ///< "https://store.example"; empty: Amazon's own of the region.
  std::string region = "us-east-1";
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;                    ///< Empty: none.
  std::function<bool()> cancelled;              ///< Asked while a transfer runs.
  std::chrono::milliseconds first_pause{1000};  ///< Before the second attempt; doubles with each.

  /// What AWS's own tools read: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, AWS_REGION or AWS_DEFAULT_REGION,
  /// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN. Errors: kInvalidArgument naming the
  /// variable that is missing.
  static Result<ObjectStoreOptions> from_environment();
};

/// GetObject of `key` in `bucket` to a file in `folder`, called as the last part of the key; whole or not at
/// all. An endpoint of one's own is asked by path (endpoint/bucket/key). Redirects are not followed; broken
/// connections and 5xx are tried five times. Errors: kNotFound, kPermissionDenied (also for plain http to
/// another machine), kInvalidArgument for a bucket elsewhere or a key that names no file, kUnavailable, and
/// what writing reports.
Result<std::filesystem::path> download_object(const ObjectStoreOptions& options, const std::string& bucket,
                                              const std::string& key, const std::filesystem::path& folder);

}  // namespace epicrisis
