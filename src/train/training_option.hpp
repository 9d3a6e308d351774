#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "train/training_options.hpp"

namespace epicrisis::train {

/// How many values an option takes.
enum class OptionArity {
  kSwitch,  ///< None (true) or one.
  kOne,
  kMany,  ///< One or more; given again, more.
};

/// One setting of a run as a user names it. The table of them is what command line, configuration file,
/// SageMaker hyperparameters, help, validation and training_args.json are made of.
struct TrainingOption {
  std::vector<std::string> names;  ///< As in Seq2SeqTrainingArguments ("max_steps"), then other spellings.
  std::string help;                ///< One line, without the default.
  std::string placeholder;         ///< What help shows for a value: "N", "FILE", "linear|cosine".
  OptionArity arity = OptionArity::kOne;
  /// Reads texts as they were typed. Errors: kInvalidArgument whose message goes on behind the option's name
  /// ("must be a whole number").
  std::function<Result<void>(TrainingOptions&, std::span<const std::string> values)> set = {};
  /// The value as JSON; null for one that is not given.
  std::function<Json(const TrainingOptions&)> get = {};
  std::string group = {};  ///< Heading in help.
};

/// Every option, in the order of help.
const std::vector<TrainingOption>& training_option_table();

/// The option of that name; `_` and `-` are the same. nullptr when there is none.
const TrainingOption* find_training_option(std::string_view name);

/// Sets one option from texts. `name` stands in errors as it is given ("--max-steps", "max_steps").
/// Errors: kInvalidArgument for an unknown name, with the nearest one, and for values that it does not take.
Result<void> set_training_option(TrainingOptions& options, std::string_view name,
                                 std::span<const std::string> values);

/// All options by name: what training_args.json holds.
OrderedJson to_json(const TrainingOptions& options);
inline constexpr std::string_view kOptionsFile = "training_args.json";

/// Names of the options whose values differ from those of `before`, a training_args.json; options that say
/// where and how a run reports do not count.
std::vector<std::string> changed_options(const Json& before, const TrainingOptions& now);

}  // namespace epicrisis::train
