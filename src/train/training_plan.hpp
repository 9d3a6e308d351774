#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "data/tokenised_dataset.hpp"
#include "train/lr_schedule.hpp"
#include "train/training_options.hpp"

namespace epicrisis::train {

/// Tokens of each example, to plan batches by.
std::vector<std::uint32_t> lengths_of(const data::TokenisedDataset& examples);
/// Tells data sets apart that have equally many examples.
std::string digest_of(std::span<const std::uint32_t> lengths);

/// Updates of a whole run, of epochs of so many batches. The last update of an epoch takes the batches that
/// are left.
std::int64_t count_steps(const TrainingOptions& options, std::size_t batches_per_epoch);

/// The schedule over them. Errors: kInvalidArgument for lr_scheduler_kwargs that do not fit.
Result<LrSchedule> make_schedule(const TrainingOptions& options, std::int64_t total_steps);

}  // namespace epicrisis::train
