#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "hub/detail/http_client.hpp"

namespace epicrisis::detail {

/// How often and how patiently a request is repeated.
struct RetryPolicy {
  int attempts = 6;                             ///< In a row that bring nothing new.
  std::chrono::milliseconds first_delay{1000};  ///< Doubles with each further attempt.
  std::chrono::milliseconds longest_delay{60'000};
  std::chrono::seconds longest_retry_after{600};  ///< A hub that asks for more patience is given up.
  /// Waits; returns early when the work is cancelled. Default: sleeps.
  std::function<void(std::chrono::milliseconds)> sleep;
};

struct HubClientOptions {
  std::string base_url;  ///< "https://huggingface.co"
  std::string token;     ///< Empty: none. Sent to the origin of base_url only; never shown.
  HttpClientOptions http;
  RetryPolicy retry;
};

/// What the hub itself (not a mirror that it redirects to) says about a file.
struct RemoteFile {
  std::optional<std::uint64_t> size_bytes;
  std::string sha256;    ///< Of LFS files; else empty.
  std::string git_sha1;  ///< Of others; else empty.

  /// Takes over what is not known yet.
  void merge(const RemoteFile& later);
};

struct RepositoryFile {
  std::string path;  ///< Passes safe_member_name().
  RemoteFile facts;  ///< What the listing says; often nothing.
};

struct Repository {
  std::string commit;
  std::vector<RepositoryFile> files;
};

/// A body that is fetched in one or more attempts.
class Download {
 public:
  virtual ~Download() = default;
  /// Header fields of the next attempt (Range), asked before each.
  virtual std::vector<std::string> request_fields() = 0;
  /// A 2xx answer; `facts` is what the hub said on the way to it.
  virtual Result<void> begin(const HttpHead& head, const RemoteFile& facts) = 0;
  virtual Result<void> take(std::span<const std::byte> bytes) = 0;
  /// The answer ended as HTTP says it should. kUnavailable asks for another attempt.
  virtual Result<void> end() = 0;
  /// 416: the range does not exist; the next attempt must ask for everything.
  virtual Result<void> restart() = 0;
  /// Bytes that are safe: an attempt that raises it is no failure in a row.
  virtual std::uint64_t position() const = 0;
};

/// Speaks the part of Hugging Face's HTTP API that downloads need (docs/formats/hub.md). Redirects are
/// followed here, not by the HTTP client: the token goes to the hub's own origin only, a redirect from https
/// to http is refused, and hashes are believed from the hub only. Broken connections, 429 and 5xx are tried
/// again. Not thread-safe.
class HubClient {
 public:
  /// Errors: kInvalidArgument for a base URL that is none or carries credentials or a query,
  /// kPermissionDenied for a token that would travel unencrypted.
  static Result<HubClient> create(HubClientOptions options);

  /// The files of `repo` at `revision`, a branch, tag or commit. Errors: kNotFound, kPermissionDenied with
  /// what to do; kCorrupt for an answer that is not what the API promises, also for a file name that would
  /// leave a folder.
  Result<Repository> list(const std::string& repo, const std::string& revision);
  /// What the hub says about one file. Nothing known when it does not answer HEAD.
  Result<RemoteFile> head(const std::string& repo, const std::string& commit, const std::string& path);
  Result<void> get(const std::string& repo, const std::string& commit, const std::string& path,
                   Download& download);

  const std::string& base_url() const noexcept { return options_.base_url; }

 private:
  struct Answer {
    HttpHead head;
    RemoteFile facts;
    std::string commit;  ///< X-Repo-Commit.
  };
  HubClient(HubClientOptions options, HttpClient http, UrlParts base)
      : options_(std::move(options)), http_(std::move(http)), base_(std::move(base)) {}
  Result<Answer> follow(HttpRequest request, Download* download);
  Result<Answer> attempt(const std::string& url, bool head_only, const std::string& what, Download* download);
  Result<Answer> fetch(const std::string& url, bool head_only, const std::string& what, Download* download);
  std::string file_url(const std::string& repo, const std::string& commit, const std::string& path) const;
  Error refusal(const HttpHead& head, const std::string& what) const;
  void wait(std::chrono::milliseconds delay) const;

  HubClientOptions options_;
  HttpClient http_;
  UrlParts base_;
  std::optional<std::chrono::seconds> retry_after_;  ///< Of the last answer.
};

}  // namespace epicrisis::detail
