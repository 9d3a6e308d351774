#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "base/json.hpp"

// Small questions about text that comes from files, servers and command lines.
namespace epicrisis::detail {

/// ASCII only, whatever the locale.
constexpr bool is_alphanumeric(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/// Whether `text` is one or more lower-case hexadecimal digits.
constexpr bool is_hex(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
}

/// `text` as an error may show it, whoever wrote it: in double quotes, in ASCII, on one line, cut to 200
/// bytes.
inline std::string in_quotes(std::string_view text) {
  constexpr std::size_t kMaxShown = 200;
  std::string shown(text.substr(0, kMaxShown));
  if (text.size() > kMaxShown) shown += "...";
  return Json(std::move(shown)).dump(-1, ' ', true, Json::error_handler_t::replace);
}

}  // namespace epicrisis::detail
