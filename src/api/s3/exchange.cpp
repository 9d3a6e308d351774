#include "api/s3/exchange.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace epicrisis::api::s3 {

using server::Response;

Response Exchange::fault(int status, std::string_view code, std::string_view message) const {
  return aws::fault_response(*call, {status, std::string(code), std::string(message)}, target.path());
}

Response Exchange::fault(const Error& error) const {
  switch (error.code) {
    case ErrorCode::kNotFound:
      return no_such_bucket(*this);
    case ErrorCode::kPermissionDenied:
      return fault(403, "AccessDenied", "Access Denied");
    case ErrorCode::kUnavailable:
    case ErrorCode::kResourceExhausted:
    case ErrorCode::kConflict:
      return fault(503, "SlowDown", "The object store cannot take the request now; try again.");
    default:
      return fault(500, "InternalError", "We encountered an internal error. Please try again.");
  }
}

Response no_such_bucket(const Exchange& exchange) {
  return exchange.fault(404, "NoSuchBucket", "The specified bucket does not exist");
}
Response no_such_key(const Exchange& exchange) {
  return exchange.fault(404, "NoSuchKey", "The specified key does not exist.");
}
Response no_such_upload(const Exchange& exchange) {
  return exchange.fault(404, "NoSuchUpload", "The specified upload does not exist.");
}

Response xml_response(const aws::XmlWriter& xml) {
  return {200, "application/xml", {}, ClinicalText(xml.str())};
}

std::string iso_time(storage::Time time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.000Z", std::chrono::floor<std::chrono::seconds>(time));
}

std::string http_time(storage::Time time) {
  return fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

std::string quoted_etag(std::string_view etag) { return fmt::format("\"{}\"", etag); }

storage::ObjectMetadata metadata_of(const server::Request& request) {
  constexpr std::array<std::string_view, 4> kKept = {"cache-control", "content-disposition",
                                                     "content-language", "expires"};
  storage::ObjectMetadata metadata;
  metadata.content_type = std::string(request.headers.find("content-type").value_or(""));
  for (const server::Headers::Field& field : request.headers.fields()) {
    std::string name = field.name;
    for (char& c : name) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    if (name.starts_with("x-amz-meta-")) {
      std::string& value = metadata.fields[name];
      value = value.empty() ? field.value : value + "," + field.value;
    }
    for (const std::string_view kept : kKept) {
      if (name == kept) metadata.fields[name] = field.value;
    }
  }
  std::string encodings;
  std::string all = request.headers.joined("content-encoding").value_or("");
  for (std::string_view rest = all; !rest.empty();) {
    std::string_view one = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    if (one.empty() || one == "aws-chunked") continue;
    if (!encodings.empty()) encodings += ", ";
    encodings += one;
  }
  if (!encodings.empty()) metadata.fields["content-encoding"] = encodings;
  return metadata;
}

std::optional<std::pair<std::string, std::string>> copy_source(const Exchange& exchange) {
  const std::string header = exchange.header("x-amz-copy-source");
  auto source = aws::percent_decode(std::string_view(header).substr(0, header.find('?')));
  if (!source) return std::nullopt;
  if (source->starts_with('/')) source->erase(0, 1);
  const std::size_t slash = source->find('/');
  if (slash == std::string::npos || slash + 1 == source->size()) return std::nullopt;
  std::pair<std::string, std::string> names(source->substr(0, slash), source->substr(slash + 1));
  if (!is_bucket_name(names.first)) return std::nullopt;
  return names;
}

std::optional<Response> check_copy_conditions(const Exchange& exchange, const storage::ObjectInfo& source) {
  const auto unquoted = [](std::string text) {
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
    return text;
  };
  const std::string match = unquoted(exchange.header("x-amz-copy-source-if-match"));
  const std::string none_match = unquoted(exchange.header("x-amz-copy-source-if-none-match"));
  const bool holds =
      (match.empty() || match == source.etag) && (none_match.empty() || none_match != source.etag);
  if (holds) return std::nullopt;
  return exchange.fault(412, "PreconditionFailed",
                        "At least one of the pre-conditions you specified did not hold");
}

std::optional<int> part_number(const Target& target) {
  const std::string text = target.value("partNumber");
  int number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size() || number < 1 || number > 10'000)
    return std::nullopt;
  return number;
}

RangeKind parse_range(std::string_view header, std::uint64_t size_bytes, ByteRange& range) {
  constexpr std::string_view kUnit = "bytes=";
  if (!header.starts_with(kUnit)) return RangeKind::kWhole;
  header.remove_prefix(kUnit.size());
  const std::size_t dash = header.find('-');
  if (dash == std::string_view::npos || header.find(',') != std::string_view::npos) return RangeKind::kWhole;
  const auto number = [](std::string_view text, std::uint64_t& value) {
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    return !text.empty() && failure == std::errc() && end == text.data() + text.size();
  };
  std::uint64_t last = 0;
  const std::string_view after = header.substr(dash + 1);
  if (dash == 0) {
    if (!number(after, last)) return RangeKind::kWhole;
    if (last == 0 || size_bytes == 0) return RangeKind::kUnsatisfiable;
    range = {size_bytes - std::min(last, size_bytes), size_bytes - 1};
    return RangeKind::kPart;
  }
  if (!number(header.substr(0, dash), range.first)) return RangeKind::kWhole;
  if (!after.empty() && (!number(after, last) || last < range.first)) return RangeKind::kWhole;
  if (range.first >= size_bytes) return RangeKind::kUnsatisfiable;
  range.last = after.empty() ? size_bytes - 1 : std::min(last, size_bytes - 1);
  return RangeKind::kPart;
}

}  // namespace epicrisis::api::s3
