#pragma once

#include <string>
#include <string_view>

#include "data/detail/utf8_scanner.hpp"

namespace epicrisis::data::detail {

/// What is wrong with the text that `scanner` stopped at, and what to do: the end of an error message.
/// of_file: the text is the beginning of a file, where other encodings put a mark.
std::string_view describe(const Utf8Scanner& scanner, bool of_file = true) noexcept;

/// Where it stopped ("at byte 4711").
std::string locate(const Utf8Scanner& scanner);

}  // namespace epicrisis::data::detail
