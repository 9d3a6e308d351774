#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/result.hpp"

namespace epicrisis {

using Json = nlohmann::json;
/// Keeps the order of members: for files whose layout users compare by eye.
using OrderedJson = nlohmann::ordered_json;

/// Parses one JSON value. `what` names the source in errors ("config.json"). Errors: kCorrupt with the byte
/// offset, never with the text; also for nesting deeper than 100 levels and for invalid UTF-8.
Result<Json> parse_json(std::string_view text, std::string_view what);

/// read_file(), then parse_json().
Result<Json> read_json_file(const std::filesystem::path& path, std::uint64_t max_bytes = 256ULL << 20);

/// Member `key` of an object as T (bool, an integer, a floating-point number or std::string), or `fallback`
/// when it is absent or null. Errors: kCorrupt naming `what` and the key when the type differs or the number
/// does not fit.
template <class T>
Result<T> json_value(const Json& object, std::string_view key, T fallback, std::string_view what);

}  // namespace epicrisis
