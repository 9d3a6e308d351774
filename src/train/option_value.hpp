#pragma once

#include <string>

#include "base/json.hpp"

namespace epicrisis::train {

/// A value as the command line gives it: JSON if it is (numbers, true, null), else text.
Json option_value(const std::string& text);

}  // namespace epicrisis::train
