#include "train/new_model_config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "base/nearest_name.hpp"
#include "text/tokenizer.hpp"
#include "train/option_value.hpp"

namespace epicrisis::train {
namespace {

constexpr int kDefaultWidth = 256, kDefaultLayers = 4, kDefaultHeads = 4, kDefaultFeedForward = 1024;
constexpr std::size_t kLeastPositions = 1024;

/// A special token that config.json names by id, and its text in the family's tokenizers.
struct SpecialToken {
  std::string_view key;
  std::string_view text;
};

/// A family as `epicrisis train` starts one: keys and defaults of its config.json.
struct NewFamily {
  std::string_view model_type;
  std::string_view architecture;
  Json (*settings)(std::size_t positions);
  std::vector<SpecialToken> tokens;
};

/// What Pegasus, BART and mBART have in common.
Json bart_like_settings(std::size_t positions) {
  return {{"activation_dropout", 0.0},
          {"attention_dropout", 0.0},
          {"classifier_dropout", 0.0},
          {"d_model", kDefaultWidth},
          {"decoder_attention_heads", kDefaultHeads},
          {"decoder_ffn_dim", kDefaultFeedForward},
          {"decoder_layerdrop", 0.0},
          {"decoder_layers", kDefaultLayers},
          {"dropout", 0.1},
          {"encoder_attention_heads", kDefaultHeads},
          {"encoder_ffn_dim", kDefaultFeedForward},
          {"encoder_layerdrop", 0.0},
          {"encoder_layers", kDefaultLayers},
          {"init_std", 0.02},
          {"is_encoder_decoder", true},
          {"max_position_embeddings", positions},
          {"scale_embedding", false}};
}

Json pegasus_settings(std::size_t positions) {
  Json settings = bart_like_settings(positions);
  settings.update({{"activation_function", "relu"},
                   {"add_final_layer_norm", true},
                   {"extra_pos_embeddings", 1},
                   {"normalize_before", true},
                   {"normalize_embedding", false},
                   {"scale_embedding", true},
                   {"static_position_embeddings", true},
                   // Its tokenizers are made with these ids; decoding starts with padding.
                   {"pad_token_id", 0},
                   {"eos_token_id", 1},
                   {"decoder_start_token_id", 0},
                   {"forced_eos_token_id", 1}});
  return settings;
}

Json bart_settings(std::size_t positions) {
  Json settings = bart_like_settings(positions);
  settings.update({{"activation_function", "gelu"},
                   {"add_final_layer_norm", false},
                   {"normalize_before", false},
                   {"normalize_embedding", true}});
  return settings;
}

Json mbart_settings(std::size_t positions) {
  Json settings = bart_settings(positions);
  settings.update({{"add_final_layer_norm", true}, {"normalize_before", true}, {"scale_embedding", true}});
  return settings;
}

Json t5_settings(std::size_t) {
  return {{"d_ff", kDefaultFeedForward},
          {"d_kv", kDefaultWidth / kDefaultHeads},
          {"d_model", kDefaultWidth},
          {"dropout_rate", 0.1},
          {"feed_forward_proj", "gated-gelu"},
          {"initializer_factor", 1.0},
          {"is_encoder_decoder", true},
          {"layer_norm_epsilon", 1e-6},
          {"num_decoder_layers", kDefaultLayers},
          {"num_heads", kDefaultHeads},
          {"num_layers", kDefaultLayers},
          {"relative_attention_max_distance", 128},
          {"relative_attention_num_buckets", 32},
          {"tie_word_embeddings", true}};
}

Json gpt2_settings(std::size_t positions) {
  return {{"activation_function", "gelu_new"},
          {"attn_pdrop", 0.1},
          {"embd_pdrop", 0.1},
          {"initializer_range", 0.02},
          {"layer_norm_epsilon", 1e-5},
          {"n_embd", kDefaultWidth},
          {"n_head", kDefaultHeads},
          {"n_inner", kDefaultFeedForward},
          {"n_layer", kDefaultLayers},
          {"n_positions", positions},
          {"resid_pdrop", 0.1}};
}

Json bloom_settings(std::size_t) {
  return {{"apply_residual_connection_post_layernorm", false},
          {"attention_dropout", 0.1},
          {"hidden_dropout", 0.1},
          {"hidden_size", kDefaultWidth},
          {"initializer_range", 0.02},
          {"layer_norm_epsilon", 1e-5},
          {"n_head", kDefaultHeads},
          {"n_layer", kDefaultLayers}};
}

const std::vector<NewFamily>& families() {
  static const std::vector<SpecialToken> kBartTokens = {{"bos_token_id", "<s>"},
                                                        {"pad_token_id", "<pad>"},
                                                        {"eos_token_id", "</s>"},
                                                        {"decoder_start_token_id", "</s>"},
                                                        {"forced_eos_token_id", "</s>"}};
  static const std::vector<SpecialToken> kT5Tokens = {
      {"pad_token_id", "<pad>"}, {"eos_token_id", "</s>"}, {"decoder_start_token_id", "<pad>"}};
  static const std::vector<NewFamily> kFamilies = {
      {"bart", "BartForConditionalGeneration", bart_settings, kBartTokens},
      {"bloom",
       "BloomForCausalLM",
       bloom_settings,
       {{"bos_token_id", "<s>"}, {"eos_token_id", "</s>"}, {"pad_token_id", "<pad>"}}},
      {"gpt2",
       "GPT2LMHeadModel",
       gpt2_settings,
       {{"bos_token_id", "<|endoftext|>"}, {"eos_token_id", "<|endoftext|>"}}},
      {"mbart", "MBartForConditionalGeneration", mbart_settings, kBartTokens},
      {"mt5", "MT5ForConditionalGeneration", t5_settings, kT5Tokens},
      {"pegasus", "PegasusForConditionalGeneration", pegasus_settings, {}},
      {"t5", "T5ForConditionalGeneration", t5_settings, kT5Tokens},
  };
  return kFamilies;
}

Result<const NewFamily*> chosen_family(const std::map<std::string, std::string>& overrides) {
  const auto named = overrides.find("model_type");
  const std::string_view name = named == overrides.end() ? "pegasus" : std::string_view(named->second);
  std::vector<std::string_view> known;
  for (const NewFamily& family : families()) {
    if (family.model_type == name) return &family;
    known.push_back(family.model_type);
  }
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("--config-overrides: model_type must be one of {}.", fmt::join(known, ", ")),
               {}};
}

Result<void> set_tokens(const NewFamily& family, const Tokenizer& tokenizer, Json& config) {
  for (const SpecialToken& token : family.tokens) {
    const auto id = tokenizer.token_to_id(token.text);
    if (!id)
      return Error{
          ErrorCode::kInvalidArgument,
          fmt::format("A new {} model needs a tokenizer with the token '{}'; choose another --tokenizer.",
                      family.model_type, token.text),
          {}};
    config[std::string(token.key)] = *id;
  }
  return {};
}

Result<void> apply_overrides(const std::map<std::string, std::string>& overrides, Json& config) {
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
  return {};
}

}  // namespace

Result<Json> new_model_config(const std::map<std::string, std::string>& overrides, const Tokenizer& tokenizer,
                              std::size_t max_tokens) {
  EPICRISIS_ASSIGN_OR_RETURN(const NewFamily* const family, chosen_family(overrides));
  Json config = family->settings(std::max(kLeastPositions, max_tokens));
  config.update({{"architectures", {family->architecture}},
                 {"model_type", family->model_type},
                 {"torch_dtype", "float32"},
                 {"transformers_version", "4.27.1"},
                 {"use_cache", true},
                 {"vocab_size", tokenizer.vocab_size()}});
  EPICRISIS_RETURN_IF_ERROR(set_tokens(*family, tokenizer, config));
  EPICRISIS_RETURN_IF_ERROR(apply_overrides(overrides, config));
  // The reference derives this one, but files that lack it confuse other readers.
  if (config.contains("encoder_layers")) config["num_hidden_layers"] = config["encoder_layers"];
  return config;
}

}  // namespace epicrisis::train
