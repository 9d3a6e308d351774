#include "train/lr_schedule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>
#include <vector>

#include "base/nearest_name.hpp"

namespace epicrisis::train {
namespace {

std::vector<std::string> setting_names(LrScheduleKind kind) {
  switch (kind) {
    case LrScheduleKind::kCosine:
    case LrScheduleKind::kCosineWithRestarts:
      return {"num_cycles"};
    case LrScheduleKind::kPolynomial:
      return {"power", "lr_end"};
    case LrScheduleKind::kInverseSqrt:
      return {"timescale"};
    case LrScheduleKind::kLinear:
    case LrScheduleKind::kConstant:
    case LrScheduleKind::kConstantWithWarmup:
      break;
  }
  return {};
}

Error unknown_setting(const std::string& name, const std::vector<std::string>& known) {
  return {ErrorCode::kInvalidArgument,
          known.empty()
              ? "lr_scheduler_kwargs: this lr_scheduler_type has no settings."
              : fmt::format("lr_scheduler_kwargs: there is no '{}' for this lr_scheduler_type, which has {}.",
                            name, fmt::join(known, " and ")),
          {}};
}

}  // namespace

Result<LrScheduleSettings> read_lr_scheduler_kwargs(LrScheduleKind kind,
                                                    const std::map<std::string, std::string>& kwargs) {
  LrScheduleSettings settings;
  const std::vector<std::string> known = setting_names(kind);
  for (const auto& [name, text] : kwargs) {
    if (std::find(known.begin(), known.end(), name) == known.end()) return unknown_setting(name, known);
    double value = 0;
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, value);
    if (read.ec != std::errc() || read.ptr != end || !std::isfinite(value) || value < 0)
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("lr_scheduler_kwargs: '{}' must be a number of at least 0.", name),
                   {}};
    if (name == "num_cycles") settings.num_cycles = value;
    if (name == "power") settings.power = value;
    if (name == "lr_end") settings.lr_end = value;
    if (name == "timescale") settings.timescale = value;
  }
  if (settings.timescale && *settings.timescale == 0)
    return Error{ErrorCode::kInvalidArgument, "lr_scheduler_kwargs: 'timescale' must be above 0.", {}};
  return settings;
}

double LrSchedule::polynomial_factor(double step) const {
  if (step > total_) return settings_.lr_end / peak_;
  const double left = 1.0 - (step - warmup_) / std::max(1.0, total_ - warmup_);
  return ((peak_ - settings_.lr_end) * std::pow(left, settings_.power) + settings_.lr_end) / peak_;
}

double LrSchedule::inverse_sqrt_factor(double step) const {
  constexpr double kWithoutWarmup = 10000.0;
  const double timescale = settings_.timescale.value_or(warmup_ > 0 ? warmup_ : kWithoutWarmup);
  return 1.0 / std::sqrt((step + timescale - warmup_) / timescale);
}

double LrSchedule::factor_at(double step) const {
  if (step < warmup_) return step / std::max(1.0, warmup_);
  const double progress = (step - warmup_) / std::max(1.0, total_ - warmup_);
  switch (kind_) {
    case LrScheduleKind::kConstant:
    case LrScheduleKind::kConstantWithWarmup:
      return 1.0;
    case LrScheduleKind::kLinear:
      return std::max(0.0, (total_ - step) / std::max(1.0, total_ - warmup_));
    case LrScheduleKind::kCosine: {
      constexpr double kHalfAWave = 0.5;
      const double turns = settings_.num_cycles.value_or(kHalfAWave) * progress;
      return std::max(0.0, 0.5 * (1.0 + std::cos(std::numbers::pi * 2.0 * turns)));
    }
    case LrScheduleKind::kCosineWithRestarts:
      if (progress >= 1.0) return 0.0;
      return std::max(0.0,
                      0.5 * (1.0 + std::cos(std::numbers::pi *
                                            std::fmod(settings_.num_cycles.value_or(1.0) * progress, 1.0))));
    case LrScheduleKind::kPolynomial:
      return polynomial_factor(step);
    case LrScheduleKind::kInverseSqrt:
      return inverse_sqrt_factor(step);
  }
  return 1.0;
}

}  // namespace epicrisis::train
