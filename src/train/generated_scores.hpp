#pragma once

#include "base/json.hpp"
#include "base/result.hpp"
#include "train/distributed/process_group.hpp"
#include "train/training_setup.hpp"
#include "train/transformer.hpp"

namespace epicrisis::train {

/// eval_rouge1, eval_rouge2, eval_rougeL, eval_rougeLsum (F1 x 100, no stemming) and eval_gen_len (mean
/// tokens) of the summaries that `trained` writes for the validation notes. The processes of `group` share
/// the batches out and all get the scores of the whole. Precondition: there are references.
Result<Json> generated_scores(const Transformer& trained, const TrainingSetup& setup,
                              const TrainingOptions& options, ProcessGroup& group);

}  // namespace epicrisis::train
