#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "checkpoint/architecture.hpp"
#include "data/batch_plan.hpp"
#include "train/memory_estimate.hpp"
#include "train/training_options.hpp"

namespace epicrisis::data {
class TokenisedDataset;
}

namespace epicrisis::train {

/// What an estimate of a run rests on. What is pointed to must outlive it.
struct RunFacts {
  Architecture architecture;
  const data::TokenisedDataset* train = nullptr;  ///< None: every batch is as long as the options allow.
  const data::TokenisedDataset* validation = nullptr;
  std::int64_t checkpoint_bytes = 0;
  std::int64_t process_bytes = 0;
};

/// The batches of the first epoch. Precondition: facts.train.
data::Batches training_batches(const RunFacts& facts, const TrainingOptions& options);
BatchShape shape_of(const RunFacts& facts, const std::vector<std::uint32_t>& batch);

/// What the options, the largest batch and the facts come to. Precondition: options.optim is one.
MemoryPlan memory_plan(const RunFacts& facts, const TrainingOptions& options);

/// The memory that a run with these options takes. Errors: those of trained_layout().
Result<MemoryEstimate> estimate_run(const RunFacts& facts, const TrainingOptions& options);

/// Changes to `options` with which the run would stay within `limit_bytes`, as they are typed: smaller
/// batches with accumulation, gradient checkpointing, Adafactor, LoRA, and pairs of them.
std::vector<std::string> options_that_fit(const RunFacts& facts, const TrainingOptions& options,
                                          std::int64_t limit_bytes);

/// Errors: kResourceExhausted with the estimate, the limit and options_that_fit(), for a run that is over the
/// limit of memory_limit(options.max_memory).
Result<void> check_memory(const RunFacts& facts, const TrainingOptions& options);

}  // namespace epicrisis::train
