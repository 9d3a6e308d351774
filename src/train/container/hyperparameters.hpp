#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"

namespace epicrisis::train {

/// Hyperparameters of a training job as settings of the trainer.
struct Hyperparameters {
  /// Name in Seq2SeqTrainingArguments and values as text, in the order of names.
  std::vector<std::pair<std::string, std::vector<std::string>>> settings;
  std::vector<std::string> ignored;  ///< Why a name was left out, one line each.
};

/// `known` names the settings there are, with underscores.
///
/// Reads an object of name to text as clients send it: text that is JSON stands for its value ("\"t5\"" for
/// t5, as the SDK writes it), null for a setting that is not given, a list for several values, an object for
/// name=value pairs; other text for itself. `epochs`, `train_batch_size`, `eval_batch_size`, `model_name` and
/// `model_id` are aliases. What the SDK keeps for itself (sagemaker_...) is left out without a word, output
/// folders, which the contract settles, and names that no setting has with one. Errors: kInvalidArgument for
/// what is no such object, and for a setting that is given twice.
Result<Hyperparameters> read_hyperparameters(const Json& file, const std::vector<std::string>& known);

}  // namespace epicrisis::train
