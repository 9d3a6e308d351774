#include "train/container/job_folder.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/folders.hpp"
#include "base/json.hpp"
#include "train/container/channels.hpp"
#include "train/container/hyperparameters.hpp"

namespace epicrisis::train {
namespace {
namespace fs = std::filesystem;
using Settings = std::vector<std::pair<std::string, std::vector<std::string>>>;

Result<Json> read_config(const JobFolder& folder, std::string_view name) {
  if (!is_there(folder.config(name))) return Json::object();
  return read_json_file(folder.config(name));
}

Result<void> check_hosts(const JobFolder& folder) {
  EPICRISIS_ASSIGN_OR_RETURN(const Json resources, read_config(folder, "resourceconfig.json"));
  if (!resources.is_object() || !resources.contains("hosts") || resources["hosts"].size() <= 1) return {};
  return Error{ErrorCode::kUnsupported,
               fmt::format("The job has {} hosts, but training runs on one; set InstanceCount to 1.",
                           resources["hosts"].size()),
               {}};
}

/// A value in which /opt/ml, where scripts expect the job, is the folder where it is.
std::string placed(const std::string& value, const fs::path& prefix) {
  constexpr std::string_view kUsual = "/opt/ml";
  if (!value.starts_with(kUsual)) return value;
  const std::string rest = value.substr(kUsual.size());
  return rest.empty() || rest.front() == '/' ? prefix.string() + rest : value;
}

bool has_setting(const Settings& settings, std::string_view name) {
  return std::ranges::any_of(settings, [name](const auto& setting) { return setting.first == name; });
}

bool learns_from_plain_text(const Settings& settings) {
  return std::ranges::any_of(settings, [](const auto& setting) {
    return setting.first == "objective" && setting.second == std::vector<std::string>{"gap-sentences"};
  });
}

/// A setting that the user left open.
void fill_in(Settings& settings, const std::string& name, std::vector<std::string> values) {
  if (!values.empty() && !has_setting(settings, name)) settings.emplace_back(name, std::move(values));
}

Result<void> fill_in_channels(const JobFolder& folder, JobRequest& request) {
  EPICRISIS_ASSIGN_OR_RETURN(const Json description, read_config(folder, "inputdataconfig.json"));
  EPICRISIS_ASSIGN_OR_RETURN(const Channels channels,
                             read_channels(folder, description, learns_from_plain_text(request.settings)));
  request.remarks.insert(request.remarks.end(), channels.remarks.begin(), channels.remarks.end());
  fill_in(request.settings, "train_file", channels.train_files);
  fill_in(request.settings, "validation_file", channels.validation_files);
  if (!channels.model.empty()) {
    std::erase_if(request.settings,
                  [](const auto& setting) { return setting.first == "model_name_or_path"; });
    request.settings.emplace_back("model_name_or_path", std::vector<std::string>{channels.model});
  }
  if (!has_setting(request.settings, "train_file"))
    return Error{ErrorCode::kInvalidArgument,
                 "There is no training data: give a channel 'train' with CSV or JSON Lines files.",
                 folder.channel("train").string()};
  return {};
}

}  // namespace

Result<JobRequest> read_job(const JobFolder& folder, const std::vector<std::string>& known) {
  EPICRISIS_RETURN_IF_ERROR(check_hosts(folder));
  EPICRISIS_ASSIGN_OR_RETURN(const Json file, read_config(folder, "hyperparameters.json"));
  EPICRISIS_ASSIGN_OR_RETURN(Hyperparameters hyperparameters, read_hyperparameters(file, known));
  JobRequest request{std::move(hyperparameters.settings), std::move(hyperparameters.ignored)};
  for (auto& [name, values] : request.settings)
    for (std::string& value : values) value = placed(value, folder.prefix());
  EPICRISIS_RETURN_IF_ERROR(fill_in_channels(folder, request));
  fill_in(request.settings, "resume_from_checkpoint", {"last"});
  request.settings.emplace_back("output_dir", std::vector<std::string>{folder.checkpoints().string()});
  return request;
}

}  // namespace epicrisis::train
