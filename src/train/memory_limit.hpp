#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"

namespace epicrisis::train {

/// Bytes of this process that are resident now.
std::int64_t resident_bytes();

/// What this machine, or the control group that the process is in, can give a process with what it has; or
/// `given`, a size such as "24GiB", where it is not empty. Errors: kInvalidArgument for one that is no size.
Result<std::int64_t> memory_limit(const std::string& given);

/// "1.50 GiB".
std::string gibibytes(std::int64_t bytes);

}  // namespace epicrisis::train
