#include "train/finished_generation_config.hpp"

#include "generation/generation_config.hpp"
#include "generation/generation_settings.hpp"
#include "train/option_value.hpp"

namespace epicrisis::train {
namespace {

constexpr const char* kTaskSettings = "/task_specific_params/summarization";

/// Settings that no file gave: beams of four without repeated trigrams.
Json new_settings(const Architecture& architecture) {
  Json settings = {{"num_beams", 4},
                   {"length_penalty", 0.8},
                   {"no_repeat_ngram_size", 3},
                   {"early_stopping", true},
                   {"transformers_version", "4.27.1"}};
  if (architecture.topology == Topology::kEncoderDecoder)
    settings["forced_eos_token_id"] = architecture.eos_token_id;
  return settings;
}

bool is_setting(std::string_view name, const Json& value) {
  return find_setting(name) != nullptr && !value.is_null();
}

bool names_a_setting(const Json& file) {
  for (const auto& [name, value] : file.items())
    if (is_setting(name, value)) return true;
  return false;
}

/// Whether a file of the checkpoint says anything on how to generate; the defaults of its family do not
/// count.
bool has_settings(const Checkpoint& start) {
  const Json::json_pointer place(kTaskSettings);
  return names_a_setting(start.generation_config) || names_a_setting(start.config) ||
         (start.config.contains(place) && names_a_setting(start.config[place]));
}

/// What a checkpoint generates summaries with, as one file's content.
Json inherited_settings(const Checkpoint& start) {
  Json settings = Json::object();
  const Json all = default_generation_settings(start.config, start.generation_config, "summarization");
  for (const auto& [name, value] : all.items())
    if (is_setting(name, value)) settings[name] = value;
  return settings;
}

/// The longest summary. A decoder-only model's max_length would count the note, too.
void set_length(Json& settings, const Architecture& architecture, std::int64_t tokens) {
  // An inherited minimum stood beside another maximum.
  const auto minimum = settings.find("min_length");
  if (minimum != settings.end() && minimum->is_number_integer() && *minimum > tokens) *minimum = tokens;
  if (architecture.topology == Topology::kEncoderDecoder) {
    settings.erase("max_new_tokens");  // would go before max_length
    settings["max_length"] = tokens;
    return;
  }
  settings.erase("max_length");
  settings["max_new_tokens"] = tokens;
}

}  // namespace

Result<Json> generation_config_for(const Checkpoint& start, bool from_scratch,
                                   const TrainingOptions& options) {
  const Architecture& architecture = start.architecture;
  if (!from_scratch) {
    // Refused by name where the start asks for something that is not implemented: it would be lost silently.
    EPICRISIS_ASSIGN_OR_RETURN(
        const GenerationConfig implemented,
        default_generation_config(start.config, start.generation_config, "summarization"));
    static_cast<void>(implemented);
  }
  Json config = from_scratch || !has_settings(start) ? new_settings(architecture) : inherited_settings(start);
  config["pad_token_id"] = architecture.pad_token_id;
  config["eos_token_id"] = architecture.eos_token_id;
  if (architecture.topology == Topology::kEncoderDecoder)
    config["decoder_start_token_id"] = architecture.decoder_start_token_id;
  set_length(config, architecture,
             options.generation_max_length > 0 ? options.generation_max_length
                                               : static_cast<std::int64_t>(options.max_target_length));
  Json overrides = Json::object();
  for (const auto& [name, value] : options.generation_overrides) overrides[name] = option_value(value);
  GenerationConfig check;
  EPICRISIS_RETURN_IF_ERROR(check.apply(overrides, true));
  config.update(overrides);
  GenerationConfig whole;
  EPICRISIS_RETURN_IF_ERROR(whole.apply(config, false));
  EPICRISIS_RETURN_IF_ERROR(whole.validate());
  return config;
}

void settle_task_settings(Checkpoint& start) {
  const Json::json_pointer place(kTaskSettings);
  if (!start.config.contains(place) || !start.config[place].is_object()) return;
  for (auto& [name, value] : start.config[place].items())
    if (start.generation_config.contains(name)) value = start.generation_config[name];
}

}  // namespace epicrisis::train
