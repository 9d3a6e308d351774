#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.hpp"

namespace epicrisis::train {

enum class LrScheduleKind { kConstant, kConstantWithWarmup, kLinear, kCosine };

/// Names as `lr_scheduler_type` spells them. Errors: kInvalidArgument listing the names.
Result<LrScheduleKind> parse_lr_schedule(std::string_view name);

/// Learning rate by update: a linear rise over the warm-up, then constant, a line to zero, or half a cosine
/// to zero.
class LrSchedule {
 public:
  LrSchedule(LrScheduleKind kind, double peak, std::int64_t warmup_steps, std::int64_t total_steps)
      : kind_(kind),
        peak_(peak),
        warmup_steps_(kind == LrScheduleKind::kConstant ? 0 : warmup_steps),
        total_steps_(total_steps) {}

  /// The rate that update `step` (from 0) uses.
  double rate(std::int64_t step) const { return rate_at(static_cast<double>(step)); }
  /// The same at a fractional step: time-boxed runs estimate where they are.
  double rate_at(double step) const;

 private:
  LrScheduleKind kind_;
  double peak_;
  std::int64_t warmup_steps_;
  std::int64_t total_steps_;
};

}  // namespace epicrisis::train
