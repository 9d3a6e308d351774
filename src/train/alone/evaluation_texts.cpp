// Texts of evaluation belong to the full build.
#include "train/generated_scores.hpp"
#include "train/report/write_training_report.hpp"

namespace epicrisis::train {

Result<Json> generated_scores(const Transformer&, const TrainingSetup&, const TrainingOptions&,
                              ProcessGroup&) {
  return Error{ErrorCode::kUnsupported,
               "--predict-with-generate needs the full build; a trainer that was built alone measures "
               "eval_loss.",
               {}};
}

Result<void> write_training_report(const TrainingOptions&, const TrainingSetup&, const Json&,
                                   TrainingObserver&) {
  return Error{ErrorCode::kUnsupported, "a trainer that was built alone does not generate texts.", {}};
}

}  // namespace epicrisis::train
