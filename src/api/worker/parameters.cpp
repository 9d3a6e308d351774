#include "api/worker/parameters.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "base/nearest_name.hpp"
#include "generation/generation_settings.hpp"

namespace epicrisis::api {
namespace {

Error unknown_parameter(std::size_t position, std::string_view name) {
  const std::string_view nearest = nearest_name(name, setting_names());
  std::string message =
      fmt::format("'parameters' has an unknown name (member {} by name, {} bytes)", position, name.size());
  message += nearest.empty() ? "." : fmt::format("; did you mean '{}'?", nearest);
  return {ErrorCode::kInvalidArgument, std::move(message), ""};
}

}  // namespace

Result<GenerationConfig> apply_parameters(GenerationConfig defaults, const Json& parameters) {
  std::size_t position = 0;
  for (const auto& [name, value] : parameters.items()) {
    ++position;
    if (find_setting(name) == nullptr && find_foreign_setting(name) == nullptr) {
      return unknown_parameter(position, name);
    }
  }
  EPICRISIS_RETURN_IF_ERROR(defaults.apply(parameters, true));
  EPICRISIS_RETURN_IF_ERROR(defaults.validate());
  if (defaults.num_return_sequences != 1) {
    return Error{ErrorCode::kUnsupported, "'num_return_sequences' must be 1: every input has one result.",
                 ""};
  }
  return defaults;
}

}  // namespace epicrisis::api
