#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "train/run_training.hpp"
#include "train/training_setup.hpp"

namespace epicrisis::train {

/// What the model wrote for some validation examples before and after a run. Clinical text.
struct ValidationOutputs {
  std::vector<std::size_t> examples;  ///< Indices in the validation data, ascending.
  std::vector<std::string> before;    ///< One an example; empty for a model trained from scratch.
  std::vector<std::string> after;
};

/// Up to `most` of `count` indices, drawn with `seed`, ascending.
std::vector<std::size_t> draw_examples(std::size_t count, std::size_t most, std::uint64_t seed);

/// Loads the finished model from options.output_dir, then the one that the run started from, and has both
/// summarise `examples`, with one model in memory at a time. Errors: kCancelled when the observer asks to
/// stop, what loading and generating report.
Result<ValidationOutputs> write_validation_outputs(const TrainingOptions& options, const TrainingSetup& setup,
                                                   std::vector<std::size_t> examples,
                                                   TrainingObserver& observer);

}  // namespace epicrisis::train
