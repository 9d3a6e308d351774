#pragma once

#include "base/json.hpp"
#include "train/training_options.hpp"

namespace epicrisis::train {

/// All options of a run by the names that Seq2SeqTrainingArguments gives them.
OrderedJson list_options(const TrainingOptions& options);

}  // namespace epicrisis::train
