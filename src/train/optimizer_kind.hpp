#pragma once

#include <string_view>

#include "base/result.hpp"

namespace epicrisis::train {

enum class OptimizerKind { kAdam, kAdamW, kSgd, kAdafactor };

/// "adam", "adamw" (also "adamw_torch", "adamw_torch_fused"), "sgd", "adafactor": names of the reference's
/// `optim`. Errors: kInvalidArgument naming the nearest one.
Result<OptimizerKind> parse_optimizer(std::string_view name);

}  // namespace epicrisis::train
