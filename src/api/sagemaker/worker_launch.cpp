#include "api/sagemaker/worker_launch.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <thread>

namespace epicrisis::api {
namespace {

constexpr std::array<std::string_view, 6> kPrefixes = {"HF_",           "SAGEMAKER_", "SM_",
                                                       "TRAINING_JOB_", "MMS_",       "TS_"};
constexpr std::array<const char*, 6> kInherited = {
    "PATH", "HOME", "LANG", "TMPDIR", "EPICRISIS_MODELS", "EPICRISIS_HUB"};

bool gets_through(std::string_view name) {
  return name.find('=') == std::string_view::npos &&
         std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [name](std::string_view prefix) { return name.starts_with(prefix); });
}

std::map<std::string, std::string> environment_of(const Json& container) {
  const auto found = container.find("Environment");
  if (found == container.end() || !found->is_object()) return {};
  return found->get<std::map<std::string, std::string>>();
}

}  // namespace

std::vector<std::pair<std::string, std::string>> child_environment(
    const std::map<std::string, std::string>& of_user) {
  std::vector<std::pair<std::string, std::string>> environment;
  for (const char* name : kInherited) {
    if (const char* value = std::getenv(name)) environment.emplace_back(name, value);
  }
  for (const auto& [name, value] : of_user) {
    if (gets_through(name) && value.find('\0') == std::string::npos) environment.emplace_back(name, value);
  }
  return environment;
}

Result<jobs::WorkerSpec> make_worker_spec(const WorkerSettings& settings, const Json& container,
                                          const std::filesystem::path& folder, int instances) {
  const std::map<std::string, std::string> environment = environment_of(container);
  std::string model = folder.string();
  if (model.empty()) {
    const auto named = environment.find("HF_MODEL_ID");
    if (named == environment.end() || named->second.empty()) {
      return Error{ErrorCode::kInvalidArgument,
                   "The model names no data: give ModelDataUrl, or HF_MODEL_ID in Environment.", ""};
    }
    model = named->second;
  }
  const int processors = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  const int threads =
      settings.threads > 0 ? settings.threads : std::max(1, processors / std::max(1, instances));
  jobs::WorkerSpec spec;
  spec.command = {settings.program.string(),
                  "worker",
                  "--model",
                  model,
                  "--listen",
                  "127.0.0.1:0",
                  "--threads",
                  std::to_string(threads),
                  "--queue-size",
                  std::to_string(settings.queue_size)};
  spec.environment = child_environment(environment);
  return spec;
}

}  // namespace epicrisis::api
