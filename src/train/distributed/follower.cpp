#include "train/distributed/follower.hpp"

#include <string>
#include <utility>

namespace epicrisis::train {

Result<FollowerOptions> FollowerOptions::create(const TrainingOptions& options, ProcessGroup& group) {
  std::string prepared;
  EPICRISIS_RETURN_IF_ERROR(group.share(prepared));
  EPICRISIS_ASSIGN_OR_RETURN(TemporaryDirectory folder, TemporaryDirectory::create());
  TrainingOptions own = options;
  own.output_dir = folder.path();
  own.resume_from_checkpoint.clear();
  if (!prepared.empty()) {
    own.prepared_data = prepared;
    own.train_files.clear();
    own.validation_files.clear();
    own.validation_split_percentage = 0;
    own.max_train_samples = own.max_eval_samples = 0;
  }
  return FollowerOptions(std::move(own), std::move(folder));
}

Result<void> let_followers_start(ProcessGroup& group, const TrainingSetup& setup) {
  std::string prepared;  // none of plain text, which everyone reads
  if (setup.data.is_object()) prepared = setup.data.value("folder", prepared);
  return group.share(prepared);
}

}  // namespace epicrisis::train
