#pragma once

#include "base/result.hpp"
#include "train/distributed/process_group.hpp"
#include "train/training_checkpoint.hpp"

namespace epicrisis::train {

/// Gives every process the parameters, optimizer state and counts that rank 0 starts from, fresh or resumed:
/// rank 0 alone reads checkpoints. The others do not learn the name of the best checkpoint, which only rank 0
/// needs. Errors: of ProcessGroup.
Result<void> share_start(ProcessGroup& group, const RunParts& run);

}  // namespace epicrisis::train
