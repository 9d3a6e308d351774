#include "hub/detail/http_client.hpp"

#include <curl/curl.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <type_traits>

#include "base/check.hpp"
#include "hub/detail/text.hpp"

namespace epicrisis::detail {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

/// libcurl, loaded when it is first needed: its own libraries would double the time that every command takes
/// to start, and only pulling a model speaks HTTP to others.
struct Curl {
  decltype(&::curl_easy_cleanup) easy_cleanup = nullptr;
  decltype(&::curl_url_cleanup) url_cleanup = nullptr;
  decltype(&::curl_slist_free_all) slist_free_all = nullptr;
  decltype(&::curl_easy_getinfo) easy_getinfo = nullptr;
  decltype(&::curl_easy_strerror) easy_strerror = nullptr;
  decltype(&::curl_url_get) url_get = nullptr;
  decltype(&::curl_free) free = nullptr;
  decltype(&::curl_global_init) global_init = nullptr;
  decltype(&::curl_easy_init) easy_init = nullptr;
  decltype(&::curl_easy_reset) easy_reset = nullptr;
  decltype(&::curl_slist_append) slist_append = nullptr;
  decltype(&::curl_easy_setopt) easy_setopt = nullptr;
  decltype(&::curl_easy_perform) easy_perform = nullptr;
  decltype(&::curl_url_set) url_set = nullptr;
  decltype(&::curl_url) url = nullptr;
  decltype(&::curl_getdate) getdate = nullptr;
  bool is_loaded = false;

  Curl() {
    void* const library = ::dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return;
    bool all = true;
    const auto find = [&](const char* name, auto& function) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(library, name));
      return function != nullptr;
    };
    all = find("curl_easy_cleanup", easy_cleanup) && all;
    all = find("curl_url_cleanup", url_cleanup) && all;
    all = find("curl_slist_free_all", slist_free_all) && all;
    all = find("curl_easy_getinfo", easy_getinfo) && all;
    all = find("curl_easy_strerror", easy_strerror) && all;
    all = find("curl_url_get", url_get) && all;
    all = find("curl_free", free) && all;
    all = find("curl_global_init", global_init) && all;
    all = find("curl_easy_init", easy_init) && all;
    all = find("curl_easy_reset", easy_reset) && all;
    all = find("curl_slist_append", slist_append) && all;
    all = find("curl_easy_setopt", easy_setopt) && all;
    all = find("curl_easy_perform", easy_perform) && all;
    all = find("curl_url_set", url_set) && all;
    all = find("curl_url", url) && all;
    all = find("curl_getdate", getdate) && all;
    is_loaded = all && global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  }
};

const Curl& curl() {
  static const Curl kCurl;
  return kCurl;
}

Error no_curl() {
  return {ErrorCode::kUnavailable, "Downloads need libcurl, which this machine lacks; install libcurl4.", ""};
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

struct FreeHandle {
  void operator()(CURL* handle) const noexcept { curl().easy_cleanup(handle); }
};
struct FreeUrl {
  void operator()(CURLU* url) const noexcept { curl().url_cleanup(url); }
};
struct FreeList {
  void operator()(curl_slist* list) const noexcept { curl().slist_free_all(list); }
};

/// One transfer as libcurl's callbacks see it.
struct Transfer {
  CURL* handle = nullptr;
  HttpSink* sink = nullptr;
  HttpHead head;
  bool begun = false;
  std::optional<Error> failure;

  void begin() {
    if (begun) return;
    begun = true;
    long status = 0;
    curl().easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    head.status = static_cast<int>(status);
    const char* redirect = nullptr;
    curl().easy_getinfo(handle, CURLINFO_REDIRECT_URL, &redirect);
    if (redirect != nullptr) head.redirect_url = redirect;
    if (Result<void> taken = sink->begin(head); !taken) failure = std::move(taken).error();
  }
};

std::size_t on_header(char* data, std::size_t, std::size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  const std::string_view line(data, count);
  // A status line starts afresh: interim answers (100, 103) have fields of their own.
  if (line.starts_with("HTTP/")) {
    transfer.head.fields.clear();
  } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
    transfer.head.fields.emplace_back(lower_case(trimmed(line.substr(0, colon))),
                                      trimmed(line.substr(colon + 1)));
  }
  return count;
}

std::size_t on_body(char* data, std::size_t, std::size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  transfer.begin();
  if (!transfer.failure) {
    if (Result<void> taken = transfer.sink->take(std::as_bytes(std::span(data, count))); !taken)
      transfer.failure = std::move(taken).error();
  }
  return transfer.failure ? 0 : count;  // less than `count` ends the transfer
}

int on_progress(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto& cancelled = *static_cast<const std::function<bool()>*>(context);
  return cancelled && cancelled() ? 1 : 0;
}

Error transfer_error(CURLcode code, const char* reason, const std::string& whole_url) {
  // Without the query: in redirects it holds signatures that grant access.
  const std::string_view url = std::string_view(whole_url).substr(0, whole_url.find('?'));
  const std::string what = *reason != '\0' ? reason : curl().easy_strerror(code);
  switch (code) {
    case CURLE_ABORTED_BY_CALLBACK:
      return {ErrorCode::kCancelled, "Stopped.", ""};
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return {ErrorCode::kInvalidArgument, fmt::format("{} is no http or https URL.", in_quotes(url)), what};
    case CURLE_PEER_FAILED_VERIFICATION:
      return {ErrorCode::kPermissionDenied,
              fmt::format("The certificate of {} is not trusted; name the certificate authority with "
                          "--ca-file if it is your own.",
                          in_quotes(url)),
              what};
    case CURLE_SSL_CACERT_BADFILE:
      return {ErrorCode::kInvalidArgument, "The file of certificates cannot be read.", what};
    case CURLE_OUT_OF_MEMORY:
      return {ErrorCode::kResourceExhausted, "There is not enough memory for the transfer.", what};
    default:
      return {ErrorCode::kUnavailable, fmt::format("The connection to {} failed.", in_quotes(url)), what};
  }
}

std::string url_part(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl().url_get(url, part, &text, flags) != CURLUE_OK) return {};
  std::string copy = text;
  curl().free(text);
  return copy;
}

}  // namespace

std::optional<std::string_view> HttpHead::find(std::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (key == name) return value;
  }
  return {};
}

struct HttpClient::State {
  HttpClientOptions options;
  std::unique_ptr<CURL, FreeHandle> handle;
  std::array<char, CURL_ERROR_SIZE> reason{};
};

HttpClient::HttpClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

Result<HttpClient> HttpClient::create(HttpClientOptions options) {
  if (!curl().is_loaded) return no_curl();
  auto state = std::make_unique<State>();
  state->options = std::move(options);
  state->handle.reset(curl().easy_init());
  if (state->handle == nullptr)
    return Error{ErrorCode::kResourceExhausted, "There is not enough memory for a connection.", ""};
  return HttpClient(std::move(state));
}

Result<void> HttpClient::send(const HttpRequest& request, HttpSink& sink) {
  CURL* const handle = state_->handle.get();
  curl().easy_reset(handle);  // keeps the connections
  Transfer transfer;
  transfer.handle = handle;
  transfer.sink = &sink;
  state_->reason[0] = '\0';
  std::unique_ptr<curl_slist, FreeList> fields;
  for (const std::string& field : request.fields) {
    curl_slist* const longer = curl().slist_append(fields.get(), field.c_str());
    EPICRISIS_CHECK(longer != nullptr);
    fields.release();
    fields.reset(longer);
  }
  const auto set = [&](CURLoption option, auto value) {
    EPICRISIS_CHECK(curl().easy_setopt(handle, option, value) == CURLE_OK);
  };
  set(CURLOPT_URL, request.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  // CURLOPT_NOSIGNAL stays off: curl then ignores SIGPIPE for the time of a transfer, which a TLS peer that
  // leaves would end the program with.
  set(CURLOPT_NOBODY, request.head_only ? 1L : 0L);
  set(CURLOPT_HTTPHEADER, fields.get());
  if (request.signing) {
    const AwsSigning& signing = *request.signing;
    set(CURLOPT_AWS_SIGV4, fmt::format("aws:amz:{}:{}", signing.region, signing.service).c_str());
    set(CURLOPT_USERNAME, signing.access_key_id.c_str());
    set(CURLOPT_PASSWORD, signing.secret_access_key.c_str());
  }
  set(CURLOPT_USERAGENT, "epicrisis");
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  if (!state_->options.ca_file.empty()) {
    set(CURLOPT_CAINFO, state_->options.ca_file.c_str());
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  }
  set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(state_->options.connect_timeout.count()));
  set(CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(state_->options.stall_timeout.count()));
  set(CURLOPT_ERRORBUFFER, state_->reason.data());
  set(CURLOPT_HEADERFUNCTION, &on_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(&transfer));
  set(CURLOPT_WRITEFUNCTION, &on_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &on_progress);
  set(CURLOPT_XFERINFODATA, static_cast<void*>(&state_->options.cancelled));

  const CURLcode code = curl().easy_perform(handle);
  if (code == CURLE_OK) transfer.begin();  // an answer without a body
  if (transfer.failure) return *transfer.failure;
  if (code != CURLE_OK) return transfer_error(code, state_->reason.data(), request.url);
  return {};
}

Result<UrlParts> parse_url(const std::string& text) {
  if (!curl().is_loaded) return no_curl();
  const std::unique_ptr<CURLU, FreeUrl> url(curl().url());
  EPICRISIS_CHECK(url != nullptr);
  const auto wrong = [&] {
    return Error{ErrorCode::kInvalidArgument, fmt::format("{} is no http or https URL.", in_quotes(text)),
                 ""};
  };
  if (curl().url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return wrong();
  const std::string scheme = lower_case(url_part(url.get(), CURLUPART_SCHEME));
  const std::string host = lower_case(url_part(url.get(), CURLUPART_HOST));
  if ((scheme != "http" && scheme != "https") || host.empty()) return wrong();
  UrlParts parts;
  parts.origin =
      fmt::format("{}://{}:{}", scheme, host, url_part(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT));
  parts.is_encrypted = scheme == "https";
  const bool is_ipv4 = host.find_first_not_of("0123456789.") == std::string::npos;
  parts.is_loopback = host == "localhost" || host == "[::1]" || (is_ipv4 && host.starts_with("127."));
  parts.has_credentials =
      !url_part(url.get(), CURLUPART_USER).empty() || !url_part(url.get(), CURLUPART_PASSWORD).empty();
  parts.has_query =
      !url_part(url.get(), CURLUPART_QUERY).empty() || !url_part(url.get(), CURLUPART_FRAGMENT).empty();
  return parts;
}

std::string percent_encoded(std::string_view text, std::string_view kept) {
  std::string encoded;
  for (const char c : text) {
    if (is_alphanumeric(c) || std::string_view("-._~").find(c) != std::string_view::npos ||
        kept.find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

std::optional<std::chrono::seconds> parse_retry_after(const std::string& value,
                                                      std::chrono::system_clock::time_point now) {
  constexpr std::chrono::seconds kLongest = std::chrono::hours(24 * 365);
  std::int64_t seconds = 0;
  const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (failure == std::errc() && end == value.data() + value.size()) {
    if (seconds < 0) return {};
    return std::min(std::chrono::seconds(seconds), kLongest);
  }
  if (!curl().is_loaded) return {};
  const std::time_t date = curl().getdate(value.c_str(), nullptr);
  if (date < 0) return {};
  const auto wait =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::from_time_t(date) - now);
  return std::clamp(wait, std::chrono::seconds(0), kLongest);
}

}  // namespace epicrisis::detail
