#include "data/data_location.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace epicrisis::data {
namespace {

Error invalid(std::string_view location, std::string_view what) {
  return {ErrorCode::kInvalidArgument, fmt::format("'{}' {}", location, what), ""};
}

/// The scheme of a URI with "//"; empty for a path.
std::string_view scheme_of(std::string_view location) {
  const std::size_t end = location.find("://");
  if (end == std::string_view::npos || end == 0) return {};
  const std::string_view scheme = location.substr(0, end);
  const bool well_formed = std::all_of(scheme.begin(), scheme.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '-' || c == '.';
  });
  return well_formed ? scheme : std::string_view();
}

/// Percent-encoding undone; nothing when it is broken or hides a NUL.
std::optional<std::string> decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      result += text[i];
      continue;
    }
    unsigned value = 0;
    if (i + 2 >= text.size()) return std::nullopt;
    const char* const digits = text.data() + i + 1;
    if (std::from_chars(digits, digits + 2, value, 16).ptr != digits + 2 || value == 0) return std::nullopt;
    result += static_cast<char>(value);
    i += 2;
  }
  return result;
}

Result<std::filesystem::path> file_of_uri(std::string_view location, std::string_view rest) {
  const std::size_t slash = rest.find('/');
  const std::string_view host = rest.substr(0, slash);
  if (slash == std::string_view::npos || (!host.empty() && host != "localhost"))
    return invalid(location, "names a file of another machine; write file:///path.");
  const auto path = decoded(rest.substr(slash));
  if (!path) return invalid(location, "is not a well-formed URI; write '%' as '%25'.");
  return std::filesystem::path(*path);
}

Result<ObjectName> object_of_uri(std::string_view location, std::string_view rest) {
  const std::size_t slash = rest.find('/');
  if (slash == 0 || slash == std::string_view::npos || slash + 1 == rest.size() || rest.ends_with('/'))
    return invalid(location, "names no object; write s3://bucket/key of one file.");
  return ObjectName{std::string(rest.substr(0, slash)), std::string(rest.substr(slash + 1))};
}

}  // namespace

Result<std::filesystem::path> local_file(std::string_view location, const ObjectFetcher& fetch) {
  std::string scheme(scheme_of(location));
  if (scheme.empty()) return std::filesystem::path(location);
  const std::string_view rest = location.substr(scheme.size() + std::string_view("://").size());
  std::transform(scheme.begin(), scheme.end(), scheme.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (scheme == "file") return file_of_uri(location, rest);
  if (scheme != "s3") return invalid(location, "is neither a path nor a file:// or s3:// URI.");
  EPICRISIS_ASSIGN_OR_RETURN(const ObjectName object, object_of_uri(location, rest));
  if (!fetch)
    return Error{ErrorCode::kUnsupported,
                 fmt::format("'{}' cannot be read: this program does not speak to object stores; copy the "
                             "object to a file and name that.",
                             location),
                 ""};
  return fetch(object);
}

}  // namespace epicrisis::data
