#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace epicrisis {

/// All of standard input. Errors: kResourceExhausted past `max_bytes`, and those of the system.
Result<std::string> read_standard_input(std::uint64_t max_bytes);

/// Writes all of `text` to standard output now, so that a full disk is noticed at the text it hits.
Result<void> write_standard_output(std::string_view text);

}  // namespace epicrisis
