#include "synth/detail/json_fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace epicrisis::synth::detail {
namespace {

std::string_view type_name(Json::value_t type) {
  switch (type) {
    case Json::value_t::object:
      return "an object";
    case Json::value_t::array:
      return "a list";
    case Json::value_t::string:
      return "a string";
    default:
      return "of another type";
  }
}

}  // namespace

Error schema_error(std::string_view where, std::string_view what) {
  return {ErrorCode::kCorrupt, fmt::format("{}: {}", where, what), ""};
}

Result<Json> member(const Json& object, std::string_view key, Json::value_t type, std::string_view where,
                    bool required) {
  if (!object.is_object()) return schema_error(where, "must be an object.");
  const auto found = object.find(key);
  if (found == object.end()) {
    if (required) return schema_error(where, fmt::format("'{}' is missing.", key));
    return Json();
  }
  if (found->type() != type)
    return schema_error(where, fmt::format("'{}' must be {}.", key, type_name(type)));
  return *found;
}

Result<std::string> text_member(const Json& object, std::string_view key, std::string_view where,
                                bool required) {
  EPICRISIS_ASSIGN_OR_RETURN(const Json value, member(object, key, Json::value_t::string, where, required));
  if (value.is_null()) return std::string();
  if (required && value.get_ref<const std::string&>().empty()) {
    return schema_error(where, fmt::format("'{}' is empty.", key));
  }
  return value.get<std::string>();
}

Result<std::vector<std::string>> text_list(const Json& object, std::string_view key, std::string_view where) {
  EPICRISIS_ASSIGN_OR_RETURN(const Json list, member(object, key, Json::value_t::array, where, false));
  std::vector<std::string> texts;
  for (const Json& text : list) {
    if (!text.is_string()) return schema_error(where, fmt::format("'{}' must hold strings only.", key));
    texts.push_back(text.get<std::string>());
  }
  return texts;
}

Result<NumberRange> number_range(const Json& value, int scale, std::string_view where) {
  if (!value.is_array() || value.size() != 2 || !value[0].is_number() || !value[1].is_number()) {
    return schema_error(where, "must be [low, high].");
  }
  const double low = value[0].get<double>() * scale;
  const double high = value[1].get<double>() * scale;
  if (!(low >= 0) || !(low <= high) || !(high < 1e6)) return schema_error(where, "low must not exceed high.");
  return NumberRange{static_cast<int>(std::lround(low)), static_cast<int>(std::lround(high))};
}

Result<void> only_keys(const Json& object, std::initializer_list<std::string_view> known,
                       std::string_view where) {
  if (!object.is_object()) return schema_error(where, "must be an object.");
  for (const auto& entry : object.items()) {
    if (std::find(known.begin(), known.end(), entry.key()) == known.end()) {
      return schema_error(where, fmt::format("'{}' is not a known key.", entry.key()));
    }
  }
  return {};
}

}  // namespace epicrisis::synth::detail
