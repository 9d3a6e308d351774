#pragma once

#include "base/json.hpp"
#include "base/result.hpp"
#include "checkpoint/checkpoint.hpp"
#include "train/training_options.hpp"

namespace epicrisis::train {

/// generation_config.json for the finished model: what the model had (a new one: beams of four without
/// repeated trigrams), the length limit, then the overrides. Errors: kInvalidArgument for an unknown setting.
Result<Json> generation_config_for(const Checkpoint& start, bool from_scratch,
                                   const TrainingOptions& options);
/// Gives the summarization settings in config.json, which go before generation_config.json, that file's
/// values.
void settle_task_settings(Checkpoint& start);

}  // namespace epicrisis::train
