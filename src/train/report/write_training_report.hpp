#pragma once

#include "base/json.hpp"
#include "base/result.hpp"
#include "train/run_training.hpp"
#include "train/training_setup.hpp"

namespace epicrisis::train {

/// Writes report.html into options.output_dir, readable by its owner only: it may hold text of notes. The
/// finished model and metrics.jsonl lie there already; `results` is train_results.json. Computes the outputs
/// of the models before and after on up to kMostScoredExamples validation notes, for which it needs the
/// memory of one model without optimizer. What keeps outputs from being computed is told to the observer and
/// in the report. Errors: what reading and writing report.
Result<void> write_training_report(const TrainingOptions& options, const TrainingSetup& setup,
                                   const Json& results, TrainingObserver& observer);

/// Enough for intervals of a few points; more would cost minutes with large models.
inline constexpr std::size_t kMostScoredExamples = 200;
/// Training examples that baselines look through.
inline constexpr std::size_t kMostBaselineExamples = 5000;

}  // namespace epicrisis::train
