#include "base/json.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>

#include "base/files.hpp"

namespace epicrisis {
namespace {

constexpr int kMaxDepth = 100;

Error wrong_type(std::string_view what, std::string_view key, std::string_view expected) {
  return {ErrorCode::kCorrupt, fmt::format("{}: '{}' must be {}.", what, key, expected), ""};
}

}  // namespace

Result<Json> parse_json(std::string_view text, std::string_view what) {
  bool too_deep = false;
  const auto limit_depth = [&](int depth, Json::parse_event_t, Json&) {
    if (depth > kMaxDepth) too_deep = true;
    return !too_deep;
  };
  try {
    Json value = Json::parse(text, limit_depth);
    if (too_deep) {
      return Error{ErrorCode::kCorrupt, fmt::format("{} is nested deeper than {} levels.", what, kMaxDepth),
                   ""};
    }
    return value;
  } catch (const Json::parse_error& failure) {
    // what() quotes the input, which may be a note; the offset says as much without it.
    return Error{ErrorCode::kCorrupt, fmt::format("{} is not valid JSON.", what),
                 fmt::format("at byte {}", failure.byte)};
  } catch (const Json::exception& failure) {
    return Error{ErrorCode::kCorrupt, fmt::format("{} is not valid JSON.", what),
                 fmt::format("error {}", failure.id)};
  }
}

Result<Json> read_json_file(const std::filesystem::path& path, std::uint64_t max_bytes) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::string text, read_file(path, max_bytes));
  return parse_json(text, path.string());
}

template <class T>
Result<T> json_value(const Json& object, std::string_view key, T fallback, std::string_view what) {
  const auto member = object.find(key);
  if (member == object.end() || member->is_null()) return fallback;
  if constexpr (std::is_same_v<T, bool>) {
    if (!member->is_boolean()) return wrong_type(what, key, "true or false");
    return member->template get<bool>();
  } else if constexpr (std::is_integral_v<T>) {
    if (!member->is_number_integer()) return wrong_type(what, key, "a whole number");
    if (member->is_number_unsigned() &&
        member->template get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<T>::max())) {
      return wrong_type(what, key, fmt::format("at most {}", std::numeric_limits<T>::max()));
    }
    const auto number = member->template get<std::int64_t>();
    if (number < static_cast<std::int64_t>(std::numeric_limits<T>::min())) {
      return wrong_type(what, key, fmt::format("at least {}", std::numeric_limits<T>::min()));
    }
    return static_cast<T>(number);
  } else if constexpr (std::is_floating_point_v<T>) {
    if (!member->is_number()) return wrong_type(what, key, "a number");
    return member->template get<T>();
  } else {
    if (!member->is_string()) return wrong_type(what, key, "a string");
    return member->template get<std::string>();
  }
}

template Result<bool> json_value(const Json&, std::string_view, bool, std::string_view);
template Result<int> json_value(const Json&, std::string_view, int, std::string_view);
template Result<std::int64_t> json_value(const Json&, std::string_view, std::int64_t, std::string_view);
template Result<float> json_value(const Json&, std::string_view, float, std::string_view);
template Result<double> json_value(const Json&, std::string_view, double, std::string_view);
template Result<std::string> json_value(const Json&, std::string_view, std::string, std::string_view);

}  // namespace epicrisis
