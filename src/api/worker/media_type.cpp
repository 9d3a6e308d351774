#include "api/worker/media_type.hpp"

#include <array>
#include <cstdlib>
#include <string>

#include "server/http.hpp"

namespace epicrisis::api {
namespace {

constexpr std::array kAnswers = {MediaType::kJson, MediaType::kCsv};  // preferred first
constexpr std::array kRequests = {MediaType::kJson, MediaType::kCsv, MediaType::kText};

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Cuts the part before `separator` off `rest`.
std::string_view take_part(std::string_view& rest, char separator) {
  const std::size_t end = rest.find(separator);
  const std::string_view part = trimmed(rest.substr(0, end));
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return part;
}

bool covers(std::string_view range, MediaType type) {
  if (range == "*/*" || range == "*") return true;
  const std::string_view name = to_string(type);
  if (range.ends_with("/*")) {
    const std::string_view family = range.substr(0, range.size() - 1);
    return server::equals_ignoring_case(family, name.substr(0, family.size()));
  }
  return server::equals_ignoring_case(range, name);
}

/// The weight of a media range's parameters: q, 1 when there is none or it cannot be read.
double weight_of(std::string_view parameters) {
  while (!parameters.empty()) {
    const std::string parameter(take_part(parameters, ';'));
    if (!parameter.starts_with("q=") && !parameter.starts_with("Q=")) continue;
    char* end = nullptr;
    const double weight = std::strtod(parameter.c_str() + 2, &end);
    return end == parameter.c_str() + 2 ? 1.0 : weight;
  }
  return 1.0;
}

}  // namespace

std::string_view to_string(MediaType type) noexcept {
  switch (type) {
    case MediaType::kCsv:
      return "text/csv";
    case MediaType::kText:
      return "application/x-text";
    case MediaType::kJson:
      break;
  }
  return "application/json";
}

Result<MediaType> content_type_of(std::optional<std::string_view> content_type) {
  std::string_view rest = content_type.value_or("");
  const std::string_view name = take_part(rest, ';');
  if (name.empty() || name == "*/*") return MediaType::kJson;
  for (const MediaType type : kRequests) {
    if (server::equals_ignoring_case(name, to_string(type))) return type;
  }
  return Error{ErrorCode::kInvalidArgument,
               "The Content-Type must be application/json, text/csv or application/x-text.", ""};
}

Result<MediaType> answer_type_for(std::optional<std::string_view> accept) {
  std::string_view rest = accept.value_or("");
  if (trimmed(rest).empty()) return MediaType::kJson;
  std::optional<MediaType> best;
  double best_weight = 0;
  while (!rest.empty()) {
    std::string_view parameters = take_part(rest, ',');
    const std::string_view range = take_part(parameters, ';');
    const double weight = weight_of(parameters);
    for (const MediaType type : kAnswers) {
      const bool preferred = best && weight == best_weight && type < *best;
      if (covers(range, type) && (weight > best_weight || preferred)) {
        best = type;
        best_weight = weight;
      }
    }
  }
  if (best) return *best;
  return Error{ErrorCode::kInvalidArgument, "Accept must allow application/json or text/csv.", ""};
}

}  // namespace epicrisis::api
