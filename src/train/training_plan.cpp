#include "train/training_plan.hpp"

#include <cmath>

#include "base/sha256.hpp"

namespace epicrisis::train {

std::vector<std::uint32_t> lengths_of(const data::TokenisedDataset& examples) {
  std::vector<std::uint32_t> lengths;
  for (std::size_t i = 0; i < examples.size(); ++i)
    lengths.push_back(static_cast<std::uint32_t>(examples.length(i)));
  return lengths;
}

std::string digest_of(std::span<const std::uint32_t> lengths) {
  return Sha256().update(std::as_bytes(lengths)).hex();
}

std::int64_t count_steps(const TrainingOptions& options, std::size_t batches_per_epoch) {
  if (options.max_steps > 0) return options.max_steps;
  const std::size_t taken = options.gradient_accumulation_steps;
  const std::size_t updates_per_epoch = (batches_per_epoch + taken - 1) / taken;
  return static_cast<std::int64_t>(
      std::ceil(options.num_train_epochs * static_cast<double>(updates_per_epoch)));
}

Result<LrSchedule> make_schedule(const TrainingOptions& options, std::int64_t total_steps) {
  const LrScheduleKind kind = options.lr_scheduler_type;
  EPICRISIS_ASSIGN_OR_RETURN(const LrScheduleSettings settings,
                             read_lr_scheduler_kwargs(kind, options.lr_scheduler_kwargs));
  if (kind == LrScheduleKind::kPolynomial && settings.lr_end >= options.learning_rate)
    return Error{
        ErrorCode::kInvalidArgument, "lr_scheduler_kwargs: 'lr_end' must be below the learning rate.", {}};
  const double share = options.warmup_ratio * static_cast<double>(total_steps);
  const std::int64_t warmup =
      options.warmup_steps > 0 ? options.warmup_steps : static_cast<std::int64_t>(std::ceil(share));
  return LrSchedule(kind, options.learning_rate, warmup, total_steps, settings);
}

}  // namespace epicrisis::train
