#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "base/hostile_input.hpp"
#include "base/json.hpp"

// What the readers of tokenizer.json's components share. `where` is the path of a component in the file
// ("normalizer.normalizers[0]"); it ends in Error::detail.
namespace epicrisis::detail {

inline Error damaged_tokenizer(std::string_view where, std::string_view problem) {
  return Error{ErrorCode::kCorrupt, "tokenizer.json is damaged; import the model again.",
               fmt::format("{}: {}", where, problem)};
}

inline Error unsupported_component(std::string_view where, std::string_view what) {
  return Error{ErrorCode::kUnsupported,
               fmt::format("tokenizer.json asks for {}, which this build does not support.", what),
               std::string(where)};
}

/// The "type" of a component.
inline Result<std::string> component_type(const Json& component, std::string_view where) {
  if (!component.is_object()) return damaged_tokenizer(where, "expected an object");
  const auto type = component.find("type");
  if (type == component.end() || !type->is_string())
    return damaged_tokenizer(where, "expected a text member 'type'");
  return type->get<std::string>();
}

/// A text member that must be there.
inline Result<std::string> text_member(const Json& object, std::string_view key, std::string_view where) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string())
    return damaged_tokenizer(where, fmt::format("expected a text member '{}'", key));
  return found->get<std::string>();
}

/// A list member that must be there. The pointer lives as long as `object`.
inline Result<const Json*> list_member(const Json& object, std::string_view key, std::string_view where) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array())
    return damaged_tokenizer(where, fmt::format("expected a list member '{}'", key));
  return &*found;
}

/// A true/false member; `fallback` when absent or null.
inline Result<bool> flag_member(const Json& object, std::string_view key, bool fallback,
                                std::string_view where) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return fallback;
  if (!found->is_boolean()) return damaged_tokenizer(where, fmt::format("'{}' must be true or false", key));
  return found->get<bool>();
}

/// Components in a row may each make a text longer. Throws HostileInputError when they have made `before`
/// bytes into so many that the file was written to exhaust memory.
inline void check_growth(std::size_t before, std::size_t after) {
  constexpr std::size_t kMaxFactor = 64;
  constexpr std::size_t kAlwaysAllowed = 1 << 20;
  if (after > kAlwaysAllowed && after / kMaxFactor > before)
    throw HostileInputError("a tokenizer's components make a text too long");
}

}  // namespace epicrisis::detail
