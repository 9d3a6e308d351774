#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"

namespace epicrisis::synth::detail {

/// kCorrupt: "<where>: <what>".
Error schema_error(std::string_view where, std::string_view what);

/// Member `key` of `object`, which must have type `type`; null Json when absent and not `required`.
Result<Json> member(const Json& object, std::string_view key, Json::value_t type, std::string_view where,
                    bool required = true);

Result<std::string> text_member(const Json& object, std::string_view key, std::string_view where,
                                bool required = true);

/// A list of strings; empty when absent.
Result<std::vector<std::string>> text_list(const Json& object, std::string_view key, std::string_view where);

/// [low, high] as numbers times `scale`, rounded.
struct NumberRange {
  int low;
  int high;
};
Result<NumberRange> number_range(const Json& value, int scale, std::string_view where);

/// Every key of `object` is one of `known`, so that a misspelt key is an error and not silence.
Result<void> only_keys(const Json& object, std::initializer_list<std::string_view> known,
                       std::string_view where);

}  // namespace epicrisis::synth::detail
