#include "generation/generation_settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <type_traits>

namespace epicrisis {
namespace {

Error wrong_type(std::string_view name, std::string_view expected) {
  return {ErrorCode::kInvalidArgument, fmt::format("'{}' must be {}.", name, expected), ""};
}

/// The value as a whole number that fits T; 3.0 counts as 3.
template <class T>
bool read_whole(const Json& value, T& number) {
  if (value.is_number_unsigned()) {
    const auto read = value.get<std::uint64_t>();
    number = static_cast<T>(read);
    return read <= static_cast<std::uint64_t>(std::numeric_limits<T>::max());
  }
  if (value.is_number_integer()) {
    const auto read = value.get<std::int64_t>();
    number = static_cast<T>(read);
    return std::is_signed_v<T> && read >= static_cast<std::int64_t>(std::numeric_limits<T>::min()) &&
           read <= static_cast<std::int64_t>(std::numeric_limits<T>::max());
  }
  if (!value.is_number_float()) return false;
  const double read = value.get<double>();
  if (!(std::fabs(read) <= 2147483647.0) || read != std::trunc(read)) return false;
  if (std::is_unsigned_v<T> && read < 0) return false;
  number = static_cast<T>(read);
  return true;
}

bool read_ids(const Json& value, std::vector<TokenId>& ids) {
  if (!value.is_array()) return false;
  for (const Json& item : value) {
    TokenId id = 0;
    if (!item.is_number_integer() || !read_whole(item, id) || id < 0) return false;
    ids.push_back(id);
  }
  return true;
}

/// Setters, one a kind of member. null means "off" where there is such a value (the member's default).
template <auto kMember>
Result<void> set_whole(GenerationConfig& config, std::string_view name, const Json& value) {
  if (!read_whole(value, config.*kMember)) return wrong_type(name, "a whole number");
  return {};
}

template <auto kMember>
Result<void> set_optional_whole(GenerationConfig& config, std::string_view name, const Json& value) {
  auto& member = config.*kMember;
  if (value.is_null()) {
    member.reset();
    return {};
  }
  if (!read_whole(value, member.emplace())) return wrong_type(name, "a whole number or null");
  return {};
}

template <auto kMember, int kOff>
Result<void> set_whole_or_off(GenerationConfig& config, std::string_view name, const Json& value) {
  if (!value.is_null()) return set_whole<kMember>(config, name, value);
  config.*kMember = kOff;
  return {};
}

template <auto kMember, int kOff = 1>
Result<void> set_real(GenerationConfig& config, std::string_view name, const Json& value) {
  if (value.is_null()) {
    config.*kMember = kOff;
    return {};
  }
  if (!value.is_number()) return wrong_type(name, "a number");
  config.*kMember = value.get<double>();
  return {};
}

template <auto kMember>
Result<void> set_flag(GenerationConfig& config, std::string_view name, const Json& value) {
  if (!value.is_boolean() && !value.is_null()) return wrong_type(name, "true or false");
  config.*kMember = value.is_boolean() && value.get<bool>();
  return {};
}

template <auto kMember>
Result<void> set_ids(GenerationConfig& config, std::string_view name, const Json& value) {
  std::vector<TokenId> ids;
  if (!value.is_null() && !read_ids(value, ids)) return wrong_type(name, "a list of token ids");
  config.*kMember = std::move(ids);
  return {};
}

Result<void> set_early_stopping(GenerationConfig& config, std::string_view name, const Json& value) {
  if (value.is_boolean() || value.is_null()) {
    const bool stop = value.is_boolean() && value.get<bool>();
    config.early_stopping = stop ? EarlyStopping::kTrue : EarlyStopping::kFalse;
  } else if (value.is_string() && value.get_ref<const std::string&>() == "never") {
    config.early_stopping = EarlyStopping::kNever;
  } else {
    return wrong_type(name, "true, false or \"never\"");
  }
  return {};
}

Result<void> set_bad_words(GenerationConfig& config, std::string_view name, const Json& value) {
  std::vector<std::vector<TokenId>> words;
  const bool is_list = value.is_array() || value.is_null();
  for (const Json& item : value.is_array() ? value : Json::array()) {
    if (!read_ids(item, words.emplace_back()) || words.back().empty()) {
      return wrong_type(name, "a list of non-empty lists of token ids");
    }
  }
  if (!is_list) return wrong_type(name, "a list of non-empty lists of token ids");
  config.bad_words_ids = std::move(words);
  return {};
}

/// One id, a list of ids, or null for none.
template <auto kMember>
Result<void> set_id_or_ids(GenerationConfig& config, std::string_view name, const Json& value) {
  std::vector<TokenId> ids;
  const bool good = value.is_null() || read_ids(value.is_array() ? value : Json::array({value}), ids);
  if (!good) return wrong_type(name, "a token id, a list of token ids or null");
  config.*kMember = std::move(ids);
  return {};
}

using C = GenerationConfig;
constexpr std::array kSettings = {
    Setting{"max_length", set_whole<&C::max_length>},
    Setting{"max_new_tokens", set_optional_whole<&C::max_new_tokens>},
    Setting{"min_length", set_whole_or_off<&C::min_length, 0>},
    Setting{"min_new_tokens", set_optional_whole<&C::min_new_tokens>},
    Setting{"num_beams", set_whole<&C::num_beams>},
    Setting{"early_stopping", set_early_stopping},
    Setting{"length_penalty", set_real<&C::length_penalty>},
    Setting{"num_return_sequences", set_whole_or_off<&C::num_return_sequences, 1>},
    Setting{"repetition_penalty", set_real<&C::repetition_penalty>},
    Setting{"encoder_repetition_penalty", set_real<&C::encoder_repetition_penalty>},
    Setting{"no_repeat_ngram_size", set_whole_or_off<&C::no_repeat_ngram_size, 0>},
    Setting{"encoder_no_repeat_ngram_size", set_whole_or_off<&C::encoder_no_repeat_ngram_size, 0>},
    Setting{"bad_words_ids", set_bad_words},
    Setting{"suppress_tokens", set_ids<&C::suppress_tokens>},
    Setting{"begin_suppress_tokens", set_ids<&C::begin_suppress_tokens>},
    Setting{"forced_bos_token_id", set_optional_whole<&C::forced_bos_token_id>},
    Setting{"forced_eos_token_id", set_id_or_ids<&C::forced_eos_token_ids>},
    Setting{"renormalize_logits", set_flag<&C::renormalize_logits>},
    Setting{"do_sample", set_flag<&C::do_sample>},
    Setting{"temperature", set_real<&C::temperature>},
    Setting{"top_k", set_whole_or_off<&C::top_k, 0>},
    Setting{"top_p", set_real<&C::top_p>},
    Setting{"typical_p", set_real<&C::typical_p>},
    Setting{"epsilon_cutoff", set_real<&C::epsilon_cutoff, 0>},
    Setting{"eta_cutoff", set_real<&C::eta_cutoff, 0>},
    Setting{"prompt_lookup_num_tokens", set_optional_whole<&C::prompt_lookup_num_tokens>},
    Setting{"max_matching_ngram_size", set_whole_or_off<&C::max_matching_ngram_size, 4>},
    Setting{"seed", set_optional_whole<&C::seed>},
    Setting{"pad_token_id", set_whole<&C::pad_token_id>},
    Setting{"eos_token_id", set_id_or_ids<&C::eos_token_ids>},
    Setting{"decoder_start_token_id", set_whole<&C::decoder_start_token_id>},
    Setting{"bos_token_id", set_optional_whole<&C::bos_token_id>},
};

bool always(const Json& /*value*/) { return true; }
bool if_none(const Json& value) { return value.is_null() || value == Json::array(); }
bool if_zero(const Json& value) { return value.is_null() || (value.is_number() && value == 0); }
bool if_one(const Json& value) { return value.is_null() || (value.is_number() && value == 1); }

constexpr std::array kForeignSettings = {
    ForeignSetting{"use_cache", always},
    ForeignSetting{"output_scores", always},
    ForeignSetting{"output_attentions", always},
    ForeignSetting{"output_hidden_states", always},
    ForeignSetting{"return_dict", always},
    ForeignSetting{"return_dict_in_generate", always},
    ForeignSetting{"synced_gpus", always},
    ForeignSetting{"remove_invalid_values", always},  // ours are refused, never generated from
    ForeignSetting{"low_memory", always},
    ForeignSetting{"truncation", always},
    ForeignSetting{"clean_up_tokenization_spaces", always},
    ForeignSetting{"transformers_version", always},
    ForeignSetting{"_from_model_config", always},
    ForeignSetting{"num_beam_groups", if_one},
    ForeignSetting{"diversity_penalty", if_zero},
    ForeignSetting{"penalty_alpha", if_zero},
    ForeignSetting{"min_p", if_zero},
    ForeignSetting{"guidance_scale", if_one},
    ForeignSetting{"exponential_decay_length_penalty", if_none},
    ForeignSetting{"force_words_ids", if_none},
    ForeignSetting{"constraints", if_none},
    ForeignSetting{"forced_decoder_ids", if_none},
    ForeignSetting{"sequence_bias", if_none},
    ForeignSetting{"stop_strings", if_none},
    ForeignSetting{"max_time", if_none},
    ForeignSetting{"prefix_allowed_tokens_fn", if_none},
};

}  // namespace

const Setting* find_setting(std::string_view name) noexcept {
  const auto* const found = std::find_if(kSettings.begin(), kSettings.end(),
                                         [&](const Setting& setting) { return setting.name == name; });
  return found == kSettings.end() ? nullptr : found;
}

const ForeignSetting* find_foreign_setting(std::string_view name) noexcept {
  const auto* const found = std::find_if(kForeignSettings.begin(), kForeignSettings.end(),
                                         [&](const ForeignSetting& setting) { return setting.name == name; });
  return found == kForeignSettings.end() ? nullptr : found;
}

std::vector<std::string_view> setting_names() {
  std::vector<std::string_view> names;
  for (const Setting& setting : kSettings) names.push_back(setting.name);
  return names;
}

}  // namespace epicrisis
