#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "generation/generation_config.hpp"

namespace epicrisis {
namespace {

/// Token ids that a configuration class of transformers 4.27 has when config.json names none. A file saved by
/// it holds only what differs from these.
struct ClassDefaults {
  std::string_view model_type;
  std::optional<TokenId> pad, bos, eos, decoder_start, forced_eos;
};

constexpr std::optional<TokenId> kNone = std::nullopt;
constexpr std::array kClassDefaults = {
    ClassDefaults{"bart", 1, 0, 2, 2, 2},
    ClassDefaults{"bloom", kNone, 1, 2, kNone, kNone},
    ClassDefaults{"gpt2", kNone, 50256, 50256, kNone, kNone},
    ClassDefaults{"mbart", 1, 0, 2, kNone, 2},
    ClassDefaults{"mt5", 0, kNone, 1, 0, kNone},
    ClassDefaults{"pegasus", 0, kNone, 1, 0, 1},
    ClassDefaults{"t5", 0, kNone, 1, 0, kNone},
};

/// Empty for a model type that is not in the table.
Json class_defaults(const Json& config) {
  Json settings = Json::object();
  const auto type = config.find("model_type");
  if (type == config.end() || !type->is_string()) return settings;
  const auto* const found =
      std::find_if(kClassDefaults.begin(), kClassDefaults.end(), [&](const ClassDefaults& defaults) {
        return defaults.model_type == type->get_ref<const std::string&>();
      });
  if (found == kClassDefaults.end()) return settings;
  const auto set = [&](const char* name, std::optional<TokenId> token) {
    if (token) settings[name] = *token;
  };
  set("pad_token_id", found->pad);
  set("bos_token_id", found->bos);
  set("eos_token_id", found->eos);
  set("decoder_start_token_id", found->decoder_start);
  set("forced_eos_token_id", found->forced_eos);
  return settings;
}

/// null counts: written out, it takes a default away.
void lay_over(Json& settings, const Json& over) {
  if (over.is_object()) settings.update(over);
}

bool flag(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && *found == true;
}

bool names(const Json& settings, const char* name) {
  const auto found = settings.find(name);
  return found != settings.end() && !found->is_null();
}

/// What config.json says, with the defaults of its class under it.
Json settings_of_config(const Json& config) {
  Json settings = class_defaults(config);
  lay_over(settings, config);
  // An older name of BART's for the same thing.
  if (flag(settings, "force_bos_token_to_be_generated") && !names(settings, "forced_bos_token_id") &&
      names(settings, "bos_token_id")) {
    settings["forced_bos_token_id"] = settings["bos_token_id"];
  }
  return settings;
}

Json settings_of_files(const Json& config, const Json& generation_config) {
  const Json of_config = settings_of_config(config);
  const bool has_own = generation_config.is_object() && !generation_config.empty() &&
                       !flag(generation_config, "_from_model_config");
  Json settings = Json::object();
  if (has_own) {
    for (const char* name : {"pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id"}) {
      if (of_config.contains(name)) settings[name] = of_config[name];
    }
    lay_over(settings, generation_config);
  } else {
    lay_over(settings, generation_config);
    lay_over(settings, of_config);
  }
  return settings;
}

}  // namespace

Json default_generation_settings(const Json& config, const Json& generation_config, std::string_view task) {
  Json settings = config.is_object() ? settings_of_files(config, generation_config)
                                     : settings_of_files(Json::object(), generation_config);
  const auto tasks = config.find("task_specific_params");
  if (!task.empty() && tasks != config.end() && tasks->is_object()) {
    if (const auto of_task = tasks->find(std::string(task)); of_task != tasks->end()) {
      lay_over(settings, *of_task);
    }
  }
  if (!names(settings, "decoder_start_token_id") && names(settings, "bos_token_id")) {
    settings["decoder_start_token_id"] = settings["bos_token_id"];
  }
  return settings;
}

Result<GenerationConfig> default_generation_config(const Json& config, const Json& generation_config,
                                                   std::string_view task) {
  const Json settings = default_generation_settings(config, generation_config, task);
  GenerationConfig defaults;
  EPICRISIS_RETURN_IF_ERROR(defaults.apply(settings, false));
  if (!names(settings, "pad_token_id") && !defaults.eos_token_ids.empty()) {
    defaults.pad_token_id = defaults.eos_token_ids.front();
  }
  return defaults;
}

}  // namespace epicrisis
