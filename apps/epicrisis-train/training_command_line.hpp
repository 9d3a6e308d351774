#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "train/training_options.hpp"

namespace epicrisis {

/// What the arguments ask for; no options when only text was wanted (--help, --version), which is then in
/// `text`.
struct TrainingCommand {
  std::optional<train::TrainingOptions> options;
  std::string text;
};

/// Reads the arguments of epicrisis-train, without the program's name. `_` and `-` are the same in option
/// names. Errors: kInvalidArgument naming the option, and for an unknown one the nearest that exists.
Result<TrainingCommand> parse_training_command(std::vector<std::string> arguments);

}  // namespace epicrisis
