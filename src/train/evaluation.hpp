#pragma once

#include "base/json.hpp"
#include "base/result.hpp"
#include "train/distributed/process_group.hpp"
#include "train/training_setup.hpp"
#include "train/transformer.hpp"

namespace epicrisis::train {

/// Scores of the model as it is: eval_loss (mean over tokens, without smoothing), and with generation
/// eval_rouge1, eval_rouge2, eval_rougeL, eval_rougeLsum (F1 x 100, no stemming) and eval_gen_len (mean
/// tokens). Examples are read a batch at a time: memory does not grow with their number. The processes of
/// `group` share the batches out and all get the scores of the whole.
Result<Json> evaluate_model(const Transformer& model, const TrainingSetup& setup,
                            const TrainingOptions& options, TrainingObserver& observer, ProcessGroup& group);

/// Value of `metric` ("loss", "rougeL", with or without "eval_") in scores. Errors: kInvalidArgument for a
/// metric that is not measured, naming those that are.
Result<double> metric_value(const Json& scores, const std::string& metric);

}  // namespace epicrisis::train
