#pragma once

#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "train/container/job_folder.hpp"

namespace epicrisis::train {

/// What a job's channels hold.
struct Channels {
  std::vector<std::string> train_files;  ///< By path.
  std::vector<std::string> validation_files;
  std::string model;                 ///< A model folder or archive; empty without such a channel.
  std::vector<std::string> remarks;  ///< What was left out: counts and channel names.
};

/// Looks through input/data/. `description`: inputdataconfig.json. Files that are no data sets (with
/// `plain_text` also no text files) are counted and left out. Errors: kInvalidArgument for a described
/// channel that is not there and for a model channel without one model; kUnsupported for pipes.
Result<Channels> read_channels(const JobFolder& folder, const Json& description, bool plain_text);

}  // namespace epicrisis::train
