#include "job_results.hpp"

#include <algorithm>
#include <set>
#include <string>

#include "base/files.hpp"
#include "base/folders.hpp"
#include "hub/model_files.hpp"

namespace epicrisis {
namespace {
namespace fs = std::filesystem;

Result<void> make_folder(const fs::path& folder) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) return system_error(failure.value(), "create", folder);
  return {};
}

/// A file or a folder with all in it, permissions included; what lies there is replaced.
Result<void> copy_to(const fs::path& from, const fs::path& folder) {
  std::error_code failure;
  fs::copy(from, folder / from.filename(), fs::copy_options::recursive | fs::copy_options::overwrite_existing,
           failure);
  if (failure) return system_error(failure.value(), "write", folder / from.filename());
  return {};
}

Result<void> remove_file(const fs::path& path) {
  std::error_code failure;
  fs::remove(path, failure);
  if (failure) return system_error(failure.value(), "remove", path);
  return {};
}

/// Names of the files in `folder` that make a model.
Result<std::set<std::string>> model_names(const fs::path& folder) {
  std::set<std::string> names;
  EPICRISIS_ASSIGN_OR_RETURN(const auto entries, entries_of(folder));
  for (const fs::directory_entry& entry : entries)
    if (entry.is_regular_file()) names.insert(entry.path().filename().string());
  EPICRISIS_ASSIGN_OR_RETURN(const ModelFileChoice choice, choose_model_files(names));
  std::set<std::string> model(choice.small_files.begin(), choice.small_files.end());
  if (!choice.weights.empty()) model.insert(choice.weights);
  if (choice.index.empty()) return model;
  EPICRISIS_ASSIGN_OR_RETURN(const std::string index, read_file(folder / choice.index));
  EPICRISIS_ASSIGN_OR_RETURN(const std::vector<std::string> shards,
                             read_shard_names(index, choice.index, choice.index));
  model.insert(choice.index);
  model.insert(shards.begin(), shards.end());
  return model;
}

bool is_checkpoint(const fs::directory_entry& entry) {
  return entry.is_directory() && entry.path().filename().string().starts_with("checkpoint-");
}

}  // namespace

Result<void> publish_checkpoint(const train::JobFolder& job, const fs::path& checkpoint) {
  EPICRISIS_RETURN_IF_ERROR(make_folder(job.model()));
  EPICRISIS_ASSIGN_OR_RETURN(const std::set<std::string> model, model_names(checkpoint));
  for (const std::string& name : model) EPICRISIS_RETURN_IF_ERROR(copy_to(checkpoint / name, job.model()));
  return {};
}

Result<void> publish_results(const train::JobFolder& job) {
  EPICRISIS_RETURN_IF_ERROR(publish_checkpoint(job, job.checkpoints()));
  EPICRISIS_RETURN_IF_ERROR(make_folder(job.output_data()));
  EPICRISIS_ASSIGN_OR_RETURN(const std::set<std::string> model, model_names(job.checkpoints()));
  EPICRISIS_ASSIGN_OR_RETURN(const auto entries, entries_of(job.checkpoints()));
  for (const fs::directory_entry& entry : entries) {
    const std::string name = entry.path().filename().string();
    const bool is_record = name == "metrics.jsonl" || name == "train_results.json";
    const bool is_model = model.contains(name) && !is_record;
    if (is_checkpoint(entry)) continue;
    if (!is_model) EPICRISIS_RETURN_IF_ERROR(copy_to(entry.path(), job.output_data()));
    // The weights once are enough, and text of notes lies in one place.
    if (is_model || name == "report.html") EPICRISIS_RETURN_IF_ERROR(remove_file(entry.path()));
  }
  return {};
}

}  // namespace epicrisis
