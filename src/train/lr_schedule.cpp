#include "train/lr_schedule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace epicrisis::train {

Result<LrScheduleKind> parse_lr_schedule(std::string_view name) {
  if (name == "linear") return LrScheduleKind::kLinear;
  if (name == "constant") return LrScheduleKind::kConstant;
  if (name == "constant_with_warmup") return LrScheduleKind::kConstantWithWarmup;
  if (name == "cosine") return LrScheduleKind::kCosine;
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("--lr-scheduler-type '{}' is unknown; choose linear, cosine, constant or "
                           "constant_with_warmup.",
                           name),
               {}};
}

double LrSchedule::rate_at(double step) const {
  const auto warmup = static_cast<double>(warmup_steps_);
  if (step < warmup) return peak_ * step / std::max(1.0, warmup);
  const double rest = std::max(1.0, static_cast<double>(total_steps_) - warmup);
  const double progress = std::clamp((step - warmup) / rest, 0.0, 1.0);
  switch (kind_) {
    case LrScheduleKind::kConstant:
    case LrScheduleKind::kConstantWithWarmup:
      return peak_;
    case LrScheduleKind::kLinear:
      return peak_ * (1.0 - progress);
    case LrScheduleKind::kCosine:
      return peak_ * 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
  }
  return peak_;
}

}  // namespace epicrisis::train
