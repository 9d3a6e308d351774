#pragma once

#include <string>
#include <string_view>

namespace epicrisis::detail {

/// A name from a file as an error may show it: on one line, in ASCII, cut to 120 characters. A file is free
/// to call a tensor "\n\x1b[2J".
std::string printable(std::string_view name);

}  // namespace epicrisis::detail
