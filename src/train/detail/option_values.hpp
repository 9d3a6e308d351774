#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "train/training_option.hpp"

/// Makers of TrainingOption entries: the type of the field settles how a text is read.
namespace epicrisis::train::detail {

/// The range that a number must keep to.
struct Limits {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  bool above_least = false;  ///< `least` itself is excluded.
  bool below_most = false;   ///< `most` itself is excluded.

  bool contains(double value) const {
    return (above_least ? value > least : value >= least) && (below_most ? value < most : value <= most);
  }
  /// "of at least 1"; empty without limits.
  std::string to_text() const;
};
constexpr Limits at_least(double least) { return {least}; }
constexpr Limits above(double least) { return {least, std::numeric_limits<double>::infinity(), true}; }
constexpr Limits within(double least, double most) { return {least, most}; }
/// [0, 1).
constexpr Limits share_below_one() { return {0, 1, false, true}; }

std::string joined(const std::vector<std::string>& names, std::string_view separator);

/// Errors of these are messages that go on behind the option's name.
Error must_be(const std::string& what, std::string_view text);
Result<bool> read_switch(std::string_view text);
Result<double> read_real(std::string_view text, const Limits& limits);
/// A whole number; "3.0" is one.
Result<std::int64_t> read_whole(std::string_view text, const Limits& limits);
/// "a=1,b=2", or a JSON object.
Result<std::map<std::string, std::string>> read_pairs(std::string_view text);
/// "a,b": what stands between commas, empty items left out.
std::vector<std::string> read_list(std::string_view text);

template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

template <class T>
Result<T> read_value(std::string_view text, const Limits& limits) {
  if constexpr (kIsOptional<T>) {
    if (text == "null" || text == "none" || text == "None") return T();
    EPICRISIS_ASSIGN_OR_RETURN(typename T::value_type value,
                               read_value<typename T::value_type>(text, limits));
    return T(std::move(value));
  } else if constexpr (std::is_same_v<T, bool>) {
    return read_switch(text);
  } else if constexpr (std::is_integral_v<T>) {
    Limits fitting = limits;
    if (std::is_unsigned_v<T>) fitting.least = std::max(limits.least, 0.0);
    EPICRISIS_ASSIGN_OR_RETURN(const std::int64_t value, read_whole(text, fitting));
    if (!std::in_range<T>(value)) return must_be("a smaller whole number", text);
    return static_cast<T>(value);
  } else if constexpr (std::is_floating_point_v<T>) {
    return read_real(text, limits);
  } else {
    return T(text);
  }
}

template <class T>
Json value_to_json(const T& value) {
  if constexpr (kIsOptional<T>) {
    return value ? value_to_json(*value) : Json();
  } else if constexpr (std::is_same_v<T, std::filesystem::path>) {
    return value_to_json(value.string());
  } else if constexpr (std::is_same_v<T, std::string>) {
    return value.empty() ? Json() : Json(value);
  } else {
    return Json(value);
  }
}

template <class Field>
using FieldType = std::decay_t<std::invoke_result_t<Field, TrainingOptions&>>;

template <class T>
std::string default_placeholder() {
  if constexpr (kIsOptional<T>) return default_placeholder<typename T::value_type>();
  if constexpr (std::is_same_v<T, bool>) return "true|false";
  if constexpr (std::is_integral_v<T>) return "N";
  if constexpr (std::is_floating_point_v<T>) return "F";
  if constexpr (std::is_same_v<T, std::filesystem::path>) return "DIR";
  return "TEXT";
}

/// An option of one value. `field`: a pointer to a member of TrainingOptions, or what takes a
/// TrainingOptions (const or not) and returns a reference to such a member.
template <class Field>
TrainingOption option(std::vector<std::string> names, Field field, std::string help, Limits limits = {}) {
  using T = FieldType<Field>;
  TrainingOption entry{std::move(names), std::move(help), default_placeholder<T>()};
  if (std::is_same_v<T, bool>) entry.arity = OptionArity::kSwitch;
  entry.set = [field, limits](TrainingOptions& options, std::span<const std::string> values) -> Result<void> {
    EPICRISIS_ASSIGN_OR_RETURN(T value, read_value<T>(values.empty() ? "true" : values.back(), limits));
    std::invoke(field, options) = std::move(value);
    return {};
  };
  entry.get = [field](const TrainingOptions& options) { return value_to_json(std::invoke(field, options)); };
  return entry;
}

/// An option whose values have names.
template <class Field, class T = FieldType<Field>>
TrainingOption choice(std::vector<std::string> names, Field field,
                      std::vector<std::pair<std::string, std::type_identity_t<T>>> choices,
                      std::string help) {
  std::vector<std::string> known;
  for (const auto& item : choices) known.push_back(item.first);
  TrainingOption entry{std::move(names), std::move(help), joined(known, "|")};
  entry.set = [field, choices, known](TrainingOptions& options,
                                      std::span<const std::string> values) -> Result<void> {
    for (const auto& [name, value] : choices)
      if (name == values.back()) {
        std::invoke(field, options) = value;
        return {};
      }
    return must_be("one of " + joined(known, ", "), values.back());
  };
  entry.get = [field, choices](const TrainingOptions& options) {
    for (const auto& [name, value] : choices)
      if (value == std::invoke(field, options)) return Json(name);
    return Json();
  };
  return entry;
}

/// An option that is a list of paths.
template <class Field>
TrainingOption paths(std::vector<std::string> names, Field field, std::string help) {
  TrainingOption entry{std::move(names), std::move(help), "FILE", OptionArity::kMany};
  entry.set = [field](TrainingOptions& options, std::span<const std::string> values) -> Result<void> {
    std::invoke(field, options).assign(values.begin(), values.end());
    return {};
  };
  entry.get = [field](const TrainingOptions& options) {
    Json list = Json::array();
    for (const std::filesystem::path& path : std::invoke(field, options)) list.push_back(path.string());
    return list;
  };
  return entry;
}

/// An option that is a list of texts, which commas part.
template <class Field>
TrainingOption texts(std::vector<std::string> names, Field field, std::string help) {
  TrainingOption entry{std::move(names), std::move(help), "TEXT,...", OptionArity::kMany};
  entry.set = [field](TrainingOptions& options, std::span<const std::string> values) -> Result<void> {
    std::vector<std::string> all;
    for (const std::string& text : values)
      for (std::string& item : read_list(text)) all.push_back(std::move(item));
    std::invoke(field, options) = std::move(all);
    return {};
  };
  entry.get = [field](const TrainingOptions& options) { return Json(std::invoke(field, options)); };
  return entry;
}

/// An option that is a set of named settings.
template <class Field>
TrainingOption pairs(std::vector<std::string> names, Field field, std::string help) {
  TrainingOption entry{std::move(names), std::move(help), "NAME=VALUE,...", OptionArity::kMany};
  entry.set = [field](TrainingOptions& options, std::span<const std::string> values) -> Result<void> {
    std::map<std::string, std::string> all;
    for (const std::string& text : values) {
      EPICRISIS_ASSIGN_OR_RETURN(auto some, read_pairs(text));
      all.merge(std::move(some));
    }
    std::invoke(field, options) = std::move(all);
    return {};
  };
  entry.get = [field](const TrainingOptions& options) { return Json(std::invoke(field, options)); };
  return entry;
}

}  // namespace epicrisis::train::detail
