#include "hub/detail/hub_client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <thread>
#include <utility>

#include "base/json.hpp"
#include "hub/detail/repository_listing.hpp"
#include "hub/detail/text.hpp"

namespace epicrisis::detail {
namespace {

constexpr int kMaxRedirects = 10;
/// Listings of the largest repositories take some hundred kilobytes; parsed JSON many times its text.
constexpr std::size_t kMaxListingBytes = 8U << 20;
constexpr std::size_t kSha1Digits = 40;
constexpr std::size_t kSha256Digits = 64;

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool is_worth_retrying(int status) {
  return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

/// The hash that an entity tag holds: quoted, perhaps marked as weak.
std::string_view tag_value(std::string_view tag) {
  if (tag.starts_with("W/")) tag.remove_prefix(2);
  if (tag.size() >= 2 && tag.front() == '"' && tag.back() == '"') tag = tag.substr(1, tag.size() - 2);
  return tag;
}

std::optional<std::uint64_t> as_size(std::optional<std::string_view> text) {
  if (!text) return {};
  std::uint64_t size = 0;
  const auto [end, failure] = std::from_chars(text->data(), text->data() + text->size(), size);
  if (failure != std::errc() || end != text->data() + text->size()) return {};
  return size;
}

/// What an answer of the hub says about the file that was asked for. X-Linked-… speak of an LFS file that
/// lies elsewhere; ETag and Content-Length of this answer's own body.
RemoteFile facts_in(const HttpHead& head) {
  RemoteFile facts;
  const auto linked = head.find("x-linked-etag");
  const auto own = head.find("etag");
  for (const auto& tag : {linked, own}) {
    if (!tag) continue;
    const std::string_view value = tag_value(*tag);
    if (value.size() == kSha256Digits && is_hex(value) && facts.sha256.empty()) facts.sha256 = value;
    if (value.size() == kSha1Digits && is_hex(value) && !linked) facts.git_sha1 = value;
  }
  facts.size_bytes = as_size(head.find("x-linked-size"));
  if (!facts.size_bytes && head.status == 200) facts.size_bytes = as_size(head.find("content-length"));
  return facts;
}

/// Hands the body of a 2xx answer to a Download and keeps that of no other.
class Receiver : public HttpSink {
 public:
  Receiver(bool trusted, Download* download, RemoteFile& facts)
      : trusted_(trusted), download_(download), facts_(facts) {}

  Result<void> begin(const HttpHead& head) override {
    head_ = head;
    if (trusted_) facts_.merge(facts_in(head));
    if (!is_success() || download_ == nullptr) return {};
    return download_->begin(head, facts_);
  }
  Result<void> take(std::span<const std::byte> bytes) override {
    if (!is_success() || download_ == nullptr) return {};
    return download_->take(bytes);
  }
  bool is_success() const { return head_.status >= 200 && head_.status < 300; }
  HttpHead& head() { return head_; }

 private:
  bool trusted_;  ///< The answer is the hub's own.
  Download* download_;
  RemoteFile& facts_;
  HttpHead head_;
};

/// A small body in memory.
class TextDownload : public Download {
 public:
  std::vector<std::string> request_fields() override { return {"Accept: application/json"}; }
  Result<void> begin(const HttpHead&, const RemoteFile&) override {
    text_.clear();
    return {};
  }
  Result<void> take(std::span<const std::byte> bytes) override {
    if (text_.size() + bytes.size() > kMaxListingBytes) {
      return Error{ErrorCode::kResourceExhausted, "The hub's list of files is too long.",
                   fmt::format("more than {} bytes", kMaxListingBytes)};
    }
    text_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }
  Result<void> end() override { return {}; }
  Result<void> restart() override { return {}; }
  std::uint64_t position() const override { return 0; }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace

void RemoteFile::merge(const RemoteFile& later) {
  if (!size_bytes) size_bytes = later.size_bytes;
  if (sha256.empty()) sha256 = later.sha256;
  if (git_sha1.empty()) git_sha1 = later.git_sha1;
}

Result<HubClient> HubClient::create(HubClientOptions options) {
  while (options.base_url.ends_with('/')) options.base_url.pop_back();
  EPICRISIS_ASSIGN_OR_RETURN(UrlParts base, parse_url(options.base_url));
  if (base.has_credentials || base.has_query) {
    return Error{ErrorCode::kInvalidArgument,
                 "The hub's base URL must be scheme, host and path only; give credentials in HF_TOKEN.", ""};
  }
  if (!options.token.empty() && !base.is_encrypted && !base.is_loopback) {
    return Error{
        ErrorCode::kPermissionDenied,
        fmt::format("HF_TOKEN would travel unencrypted to {}; use https, or unset HF_TOKEN.", base.origin),
        ""};
  }
  if (!std::all_of(options.token.begin(), options.token.end(), [](char c) { return c > ' ' && c <= '~'; }))
    return Error{ErrorCode::kInvalidArgument, "HF_TOKEN holds characters that no token has.", ""};
  EPICRISIS_ASSIGN_OR_RETURN(HttpClient http, HttpClient::create(options.http));
  return HubClient(std::move(options), std::move(http), std::move(base));
}

/// One request and its redirects.
Result<HubClient::Answer> HubClient::follow(HttpRequest request, Download* download) {
  Answer answer;
  const std::vector<std::string> fields = request.fields;
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    EPICRISIS_ASSIGN_OR_RETURN(const UrlParts url, parse_url(request.url));
    if (base_.is_encrypted && !url.is_encrypted) {
      return Error{ErrorCode::kPermissionDenied,
                   fmt::format("The hub redirects from https to http, to {}; that is refused.", url.origin),
                   ""};
    }
    const bool is_hub = url.origin == base_.origin;
    request.fields = fields;
    if (is_hub && !options_.token.empty())
      request.fields.push_back("Authorization: Bearer " + options_.token);
    Receiver receiver(is_hub, download, answer.facts);
    EPICRISIS_RETURN_IF_ERROR(http_.send(request, receiver));
    answer.head = std::move(receiver.head());
    if (const auto commit = answer.head.find("x-repo-commit"); commit && is_hub) answer.commit = *commit;
    if (!is_redirect(answer.head.status) || answer.head.redirect_url.empty()) return answer;
    // Where an LFS file lies is of no interest to a HEAD: the hub has said what it knows.
    if (request.head_only) {
      EPICRISIS_ASSIGN_OR_RETURN(const UrlParts next, parse_url(answer.head.redirect_url));
      if (next.origin != base_.origin) {
        answer.head.status = 200;
        return answer;
      }
    }
    request.url = answer.head.redirect_url;
  }
  return Error{ErrorCode::kUnavailable, fmt::format("The hub redirects more than {} times.", kMaxRedirects),
               ""};
}

/// follow(), with every answer that is no success as an Error.
Result<HubClient::Answer> HubClient::attempt(const std::string& url, bool head_only, const std::string& what,
                                             Download* download) {
  retry_after_.reset();
  HttpRequest request{head_only, url, {}};
  if (download != nullptr) request.fields = download->request_fields();
  EPICRISIS_ASSIGN_OR_RETURN(Answer answer, follow(std::move(request), download));
  const int status = answer.head.status;
  if (status >= 200 && status < 300) {
    if (download != nullptr) EPICRISIS_RETURN_IF_ERROR(download->end());
    return answer;
  }
  if (const auto patience = answer.head.find("retry-after"))
    retry_after_ = parse_retry_after(std::string(*patience), std::chrono::system_clock::now());
  if (status == 416 && download != nullptr) {
    EPICRISIS_RETURN_IF_ERROR(download->restart());
    return Error{ErrorCode::kUnavailable, fmt::format("The hub has no such part of {}.", what), "HTTP 416"};
  }
  return refusal(answer.head, what);
}

/// attempt() until it succeeds, fails for good, or has brought nothing new too often.
Result<HubClient::Answer> HubClient::fetch(const std::string& url, bool head_only, const std::string& what,
                                           Download* download) {
  const RetryPolicy& policy = options_.retry;
  std::chrono::milliseconds delay = policy.first_delay;
  std::uint64_t reached = download != nullptr ? download->position() : 0;
  for (int failures = 0;;) {
    Result<Answer> answer = attempt(url, head_only, what, download);
    if (answer || answer.error().code != ErrorCode::kUnavailable) return answer;
    if (options_.http.cancelled && options_.http.cancelled())
      return Error{ErrorCode::kCancelled, "Stopped.", ""};
    if (download != nullptr && download->position() > reached) {
      reached = download->position();
      failures = 0;
      delay = policy.first_delay;
    }
    if (++failures >= policy.attempts) {
      Error error = std::move(answer).error();
      error.detail += fmt::format("{}{} attempts", error.detail.empty() ? "" : "; ", failures);
      return error;
    }
    if (retry_after_ && *retry_after_ > policy.longest_retry_after) {
      return Error{ErrorCode::kUnavailable,
                   fmt::format("The hub asks to wait {} seconds before {} is tried again.",
                               retry_after_->count(), what),
                   ""};
    }
    wait(retry_after_ ? std::chrono::milliseconds(*retry_after_) : delay);
    delay = std::min(2 * delay, policy.longest_delay);
  }
}

void HubClient::wait(std::chrono::milliseconds delay) const {
  if (options_.retry.sleep) return options_.retry.sleep(delay);
  constexpr std::chrono::milliseconds kNap{100};
  const auto end = std::chrono::steady_clock::now() + delay;
  while (std::chrono::steady_clock::now() < end) {
    if (options_.http.cancelled && options_.http.cancelled()) return;
    std::this_thread::sleep_for(kNap);
  }
}

Error HubClient::refusal(const HttpHead& head, const std::string& what) const {
  const std::string status = fmt::format("HTTP {} from {}", head.status, options_.base_url);
  const std::string_view code = head.find("x-error-code").value_or("");
  if (head.status == 401 || (head.status == 403 && options_.token.empty())) {
    return {
        ErrorCode::kPermissionDenied,
        options_.token.empty()
            ? fmt::format("The hub does not show {}: it is private, or not there; set HF_TOKEN to a token "
                          "that may read it.",
                          what)
            : fmt::format("The hub does not show {} to the token in HF_TOKEN; is it valid?", what),
        status};
  }
  if (head.status == 403) {
    return {ErrorCode::kPermissionDenied,
            code == "GatedRepo"
                ? fmt::format("The owners of {} ask for their conditions to be accepted on the model's page "
                              "first.",
                              what)
                : fmt::format("The token in HF_TOKEN may not read {}.", what),
            status};
  }
  if (head.status == 404) {
    return {ErrorCode::kNotFound,
            code == "RevisionNotFound" ? fmt::format("The hub has no such revision: {}.", what)
            : options_.token.empty()
                ? fmt::format("The hub has no {}; if it is private, set HF_TOKEN.", what)
                : fmt::format("The hub has no {} that the token in HF_TOKEN may see.", what),
            status};
  }
  if (is_worth_retrying(head.status))
    return {ErrorCode::kUnavailable, fmt::format("The hub cannot give {} now.", what), status};
  return {ErrorCode::kUnsupported, fmt::format("The hub refuses to give {}.", what), status};
}

std::string HubClient::file_url(const std::string& repo, const std::string& commit,
                                const std::string& path) const {
  return fmt::format("{}/{}/resolve/{}/{}", options_.base_url, percent_encoded(repo, "/"),
                     percent_encoded(commit), percent_encoded(path, "/"));
}

Result<Repository> HubClient::list(const std::string& repo, const std::string& revision) {
  TextDownload listing;
  const std::string what = fmt::format("'{}' at revision {}", repo, in_quotes(revision));
  EPICRISIS_RETURN_IF_ERROR(fetch(fmt::format("{}/api/models/{}/revision/{}?blobs=true", options_.base_url,
                                              percent_encoded(repo, "/"), percent_encoded(revision)),
                                  false, what, &listing));
  return parse_repository_listing(listing.text(), fmt::format("The hub's list of files of '{}'", repo));
}

Result<RemoteFile> HubClient::head(const std::string& repo, const std::string& commit,
                                   const std::string& path) {
  const std::string what = fmt::format("{} of '{}'", in_quotes(path), repo);
  Result<Answer> answer = fetch(file_url(repo, commit, path), true, what, nullptr);
  // A hub without HEAD (404, 405, 501) says all this with the file, or that there is none.
  if (!answer &&
      (answer.error().code == ErrorCode::kUnsupported || answer.error().code == ErrorCode::kNotFound))
    return RemoteFile{};
  if (!answer) return std::move(answer).error();
  return answer->facts;
}

Result<void> HubClient::get(const std::string& repo, const std::string& commit, const std::string& path,
                            Download& download) {
  const std::string what = fmt::format("{} of '{}'", in_quotes(path), repo);
  EPICRISIS_ASSIGN_OR_RETURN(const Answer answer,
                             fetch(file_url(repo, commit, path), false, what, &download));
  if (!answer.commit.empty() && answer.commit != commit) {
    EPICRISIS_RETURN_IF_ERROR(download.restart());  // or the next run would find the file complete
    return Error{
        ErrorCode::kCorrupt, fmt::format("The hub gave {} of another commit.", what),
        fmt::format("X-Repo-Commit is {}, asked for {}", in_quotes(answer.commit), in_quotes(commit))};
  }
  return {};
}

}  // namespace epicrisis::detail
