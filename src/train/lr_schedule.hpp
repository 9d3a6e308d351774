#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/result.hpp"

namespace epicrisis::train {

/// As `lr_scheduler_type` names them.
enum class LrScheduleKind {
  kLinear,
  kCosine,
  kCosineWithRestarts,
  kPolynomial,
  kConstant,
  kConstantWithWarmup,
  kInverseSqrt
};

/// What `lr_scheduler_kwargs` may set, each for the schedules that have it.
struct LrScheduleSettings {
  std::optional<double> num_cycles;  ///< cosine: waves, 0.5 when left out; cosine_with_restarts: starts, 1.
  double power = 1.0;                ///< polynomial.
  double lr_end = 1e-7;              ///< polynomial: where it ends, a rate below the peak.
  std::optional<double> timescale;   ///< inverse_sqrt; left out: the warm-up's length, or 10,000 without one.
};

/// Errors: kInvalidArgument for a name that the schedule does not have, or a value that is no number.
Result<LrScheduleSettings> read_lr_scheduler_kwargs(LrScheduleKind kind,
                                                    const std::map<std::string, std::string>& kwargs);

/// Learning rate by update, by the formulas of transformers' optimization.py (get_*_schedule, 4.27): a linear
/// rise over the warm-up, then what the kind says.
class LrSchedule {
 public:
  /// Precondition: polynomial needs settings.lr_end < peak.
  LrSchedule(LrScheduleKind kind, double peak, std::int64_t warmup_steps, std::int64_t total_steps,
             const LrScheduleSettings& settings = {})
      : kind_(kind),
        peak_(peak),
        warmup_(kind == LrScheduleKind::kConstant ? 0.0 : static_cast<double>(warmup_steps)),
        total_(static_cast<double>(total_steps)),
        settings_(settings) {}

  /// The rate that update `step` (from 0) uses.
  double rate(std::int64_t step) const { return rate_at(static_cast<double>(step)); }
  /// The same at a fractional step: time-boxed runs estimate where they are.
  double rate_at(double step) const { return peak_ * factor_at(step); }

 private:
  double factor_at(double step) const;
  double polynomial_factor(double step) const;
  double inverse_sqrt_factor(double step) const;

  LrScheduleKind kind_;
  double peak_;
  double warmup_;
  double total_;
  LrScheduleSettings settings_;
};

}  // namespace epicrisis::train
