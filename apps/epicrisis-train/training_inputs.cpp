#include "training_inputs.hpp"

#include <filesystem>
#include <utility>

#include "data/data_location.hpp"
#include "hub/model_reference.hpp"
#include "hub/object_download.hpp"

namespace epicrisis {
namespace {

/// Brings what s3:// names to this machine, for as long as `kept` lives.
Result<void> fetch_objects(std::vector<std::filesystem::path>& files, std::vector<TemporaryDirectory>& kept) {
  const auto fetch = [&](const data::ObjectName& object) -> Result<std::filesystem::path> {
    EPICRISIS_ASSIGN_OR_RETURN(const auto store, ObjectStoreOptions::from_environment());
    EPICRISIS_ASSIGN_OR_RETURN(auto folder, TemporaryDirectory::create());
    kept.push_back(std::move(folder));  // one each: files of different folders may have one name
    return download_object(store, object.bucket, object.key, kept.back().path());
  };
  for (std::filesystem::path& file : files) {
    EPICRISIS_ASSIGN_OR_RETURN(file, data::local_file(file.string(), fetch));
  }
  return {};
}

}  // namespace

TrainingInputs::TrainingInputs(train::TrainingOptions options) : options_(std::move(options)) {}
TrainingInputs::TrainingInputs(TrainingInputs&&) noexcept = default;
TrainingInputs& TrainingInputs::operator=(TrainingInputs&&) noexcept = default;
TrainingInputs::~TrainingInputs() = default;

Result<TrainingInputs> TrainingInputs::fetch(train::TrainingOptions options) {
  TrainingInputs inputs(std::move(options));
  if (!inputs.options_.model.empty()) {
    EPICRISIS_ASSIGN_OR_RETURN(ModelFolder start, resolve_model(inputs.options_.model.string()));
    inputs.start_ = std::make_shared<const ModelFolder>(std::move(start));
    inputs.options_.model = inputs.start_->path();
  }
  for (auto* const files : {&inputs.options_.train_files, &inputs.options_.validation_files})
    EPICRISIS_RETURN_IF_ERROR(fetch_objects(*files, inputs.fetched_));
  return inputs;
}

}  // namespace epicrisis
