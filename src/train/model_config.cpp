#include <fmt/format.h>

#include <algorithm>

#include "base/nearest_name.hpp"
#include "generation/generation_config.hpp"
#include "train/training_setup.hpp"

namespace epicrisis::train {
namespace {

/// A value as the command line gives it: JSON if it is (numbers, true, null), else text.
Json option_value(const std::string& text) {
  const Json value = Json::parse(text, nullptr, false);
  return value.is_discarded() ? Json(text) : value;
}

constexpr int kDefaultWidth = 256, kDefaultLayers = 4, kDefaultHeads = 4, kDefaultFeedForward = 1024;

}  // namespace

Result<Json> new_model_config(const std::map<std::string, std::string>& overrides, std::size_t vocab_size,
                              std::size_t max_source_length) {
  Json config = {
      {"activation_dropout", 0.0},
      {"activation_function", "relu"},
      {"add_final_layer_norm", true},
      {"architectures", {"PegasusForConditionalGeneration"}},
      {"attention_dropout", 0.0},
      {"classifier_dropout", 0.0},
      {"d_model", kDefaultWidth},
      {"decoder_attention_heads", kDefaultHeads},
      {"decoder_ffn_dim", kDefaultFeedForward},
      {"decoder_layerdrop", 0.0},
      {"decoder_layers", kDefaultLayers},
      {"decoder_start_token_id", 0},
      {"dropout", 0.1},
      {"encoder_attention_heads", kDefaultHeads},
      {"encoder_ffn_dim", kDefaultFeedForward},
      {"encoder_layerdrop", 0.0},
      {"encoder_layers", kDefaultLayers},
      {"eos_token_id", 1},
      {"extra_pos_embeddings", 1},
      {"forced_eos_token_id", 1},
      {"init_std", 0.02},
      {"is_encoder_decoder", true},
      {"max_position_embeddings", std::max<std::size_t>(1024, max_source_length)},
      {"model_type", "pegasus"},
      {"normalize_before", true},
      {"normalize_embedding", false},
      {"pad_token_id", 0},
      {"scale_embedding", true},
      {"static_position_embeddings", true},
      {"torch_dtype", "float32"},
      {"transformers_version", "4.27.1"},
      {"use_cache", true},
      {"vocab_size", vocab_size},
  };
  std::vector<std::string> names;
  for (const auto& item : config.items()) names.push_back(item.key());
  for (const auto& [name, value] : overrides) {
    if (!config.contains(name)) {
      const std::string_view nearest = nearest_name(name, names);
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("--config-overrides: '{}' is no setting of a new model{}.", name,
                               nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest)),
                   {}};
    }
    config[name] = option_value(value);
  }
  config["num_hidden_layers"] = config["encoder_layers"];
  return config;
}

Result<Json> generation_config_for(const Json& previous, const Architecture& architecture,
                                   const TrainingOptions& options) {
  Json config = previous;
  if (config.empty())
    config = {{"num_beams", 4},
              {"length_penalty", 0.8},
              {"no_repeat_ngram_size", 3},
              {"early_stopping", true},
              {"forced_eos_token_id", architecture.eos_token_id},
              {"transformers_version", "4.27.1"}};
  config["pad_token_id"] = architecture.pad_token_id;
  config["eos_token_id"] = architecture.eos_token_id;
  config["decoder_start_token_id"] = architecture.decoder_start_token_id;
  config["max_length"] = options.generation_max_length > 0
                             ? options.generation_max_length
                             : static_cast<std::int64_t>(options.max_target_length);
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

}  // namespace epicrisis::train
