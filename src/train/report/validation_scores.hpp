#pragma once

#include "train/report/training_report.hpp"
#include "train/run_training.hpp"
#include "train/training_setup.hpp"

namespace epicrisis::train {

/// Fills in scores and examples of the report: the models before and after the run, and the baselines of
/// evaluate/. Outputs of models need predict_with_generate; report.without_outputs says why there are none.
/// Precondition: validation data with references.
void add_validation_scores(const TrainingOptions& options, const TrainingSetup& setup,
                           TrainingObserver& observer, TrainingReport& report);

}  // namespace epicrisis::train
