#include "generation/generation_config.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>

#include "base/nearest_name.hpp"
#include "generation/generation_settings.hpp"

namespace epicrisis {
namespace {

/// Enough for any summary; beyond it a single request could take all memory.
constexpr int kMostSequences = 256;

Error invalid(std::string message) { return {ErrorCode::kInvalidArgument, std::move(message), ""}; }

/// A name as a client sent it, fit for one line of an error: it may be anything.
std::string printable(std::string_view name) {
  constexpr std::size_t kLongest = 60;
  std::string shown;
  for (const char c : name.substr(0, kLongest)) shown += c >= ' ' && c <= '~' && c != '\'' ? c : '?';
  return name.size() > kLongest ? shown + "..." : shown;
}

Error unknown_setting(std::string_view name) {
  const std::string_view nearest = nearest_name(name, setting_names());
  if (!nearest.empty()) {
    return invalid(fmt::format("Unknown parameter '{}'; did you mean '{}'?", printable(name), nearest));
  }
  return invalid(fmt::format("Unknown parameter '{}'.", printable(name)));
}

Result<void> check_range(std::string_view name, int value, int lowest, int highest) {
  if (value >= lowest && value <= highest) return {};
  if (highest == std::numeric_limits<int>::max()) {
    return invalid(fmt::format("'{}' is {} but must be at least {}.", name, value, lowest));
  }
  return invalid(fmt::format("'{}' is {} but must be from {} to {}.", name, value, lowest, highest));
}

Result<void> check_positive(std::string_view name, double value) {
  if (value > 0 && std::isfinite(value)) return {};
  return invalid(fmt::format("'{}' is {} but must be above 0.", name, value));
}

Result<void> check_ranges(const GenerationConfig& config) {
  constexpr int kAny = std::numeric_limits<int>::max();
  EPICRISIS_RETURN_IF_ERROR(check_range("max_length", config.max_length, 1, kAny));
  EPICRISIS_RETURN_IF_ERROR(check_range("max_new_tokens", config.max_new_tokens.value_or(1), 1, kAny));
  EPICRISIS_RETURN_IF_ERROR(check_range("min_length", config.min_length, 0, kAny));
  EPICRISIS_RETURN_IF_ERROR(check_range("min_new_tokens", config.min_new_tokens.value_or(0), 0, kAny));
  EPICRISIS_RETURN_IF_ERROR(check_range("num_beams", config.num_beams, 1, kMostSequences));
  EPICRISIS_RETURN_IF_ERROR(
      check_range("num_return_sequences", config.num_return_sequences, 1, kMostSequences));
  EPICRISIS_RETURN_IF_ERROR(check_range("no_repeat_ngram_size", config.no_repeat_ngram_size, 0, kAny));
  EPICRISIS_RETURN_IF_ERROR(
      check_range("encoder_no_repeat_ngram_size", config.encoder_no_repeat_ngram_size, 0, kAny));
  EPICRISIS_RETURN_IF_ERROR(check_range("top_k", config.top_k, 0, kAny));
  EPICRISIS_RETURN_IF_ERROR(check_range("decoder_start_token_id", config.decoder_start_token_id, 0, kAny));
  EPICRISIS_RETURN_IF_ERROR(check_positive("repetition_penalty", config.repetition_penalty));
  EPICRISIS_RETURN_IF_ERROR(check_positive("temperature", config.temperature));
  EPICRISIS_RETURN_IF_ERROR(check_positive("top_p", config.top_p));
  if (config.top_p > 1) return invalid(fmt::format("'top_p' is {} but must be at most 1.", config.top_p));
  if (!std::isfinite(config.length_penalty)) return invalid("'length_penalty' must be a finite number.");
  return {};
}

}  // namespace

Result<void> GenerationConfig::apply(const Json& json, bool strict) {
  if (json.is_null()) return {};
  if (!json.is_object()) return invalid("Generation parameters must be a JSON object.");
  GenerationConfig changed = *this;
  for (const auto& [name, value] : json.items()) {
    if (const Setting* setting = find_setting(name)) {
      // Files of old releases spell out null for what they leave to the reference's own default.
      const Result<void> outcome = setting->set(changed, name, value);
      if (!outcome && (strict || !value.is_null())) return outcome.error();
    } else if (const ForeignSetting* foreign = find_foreign_setting(name)) {
      if (!foreign->is_harmless(value)) {
        return Error{ErrorCode::kUnsupported,
                     fmt::format("'{}' is not supported; leave it out or at its default.", foreign->name),
                     ""};
      }
    } else if (strict) {
      return unknown_setting(name);
    }
  }
  *this = std::move(changed);
  return {};
}

Result<void> GenerationConfig::validate() const {
  EPICRISIS_RETURN_IF_ERROR(check_ranges(*this));
  if (do_sample && num_beams > 1) {
    return Error{ErrorCode::kUnsupported,
                 "'do_sample' with 'num_beams' above 1 is not supported: sample with one beam, or search "
                 "without sampling.",
                 ""};
  }
  if (!do_sample && num_return_sequences > num_beams) {
    return invalid(
        fmt::format("'num_return_sequences' ({}) passes 'num_beams' ({}): a search returns at "
                    "most one sequence a beam.",
                    num_return_sequences, num_beams));
  }
  for (const std::vector<TokenId>& word : bad_words_ids) {
    if (word.empty()) return invalid("'bad_words_ids' holds an empty list.");
  }
  return {};
}

Result<GenerationConfig> default_generation_config(const Json& config, const Json& generation_config) {
  GenerationConfig defaults;
  const auto derived =
      generation_config.is_object() ? generation_config.find("_from_model_config") : generation_config.end();
  const bool is_derived = derived != generation_config.end() && *derived == true;
  const bool has_own = generation_config.is_object() && !generation_config.empty() && !is_derived;
  if (has_own) {
    constexpr std::array kTokenIds = {"pad_token_id", "bos_token_id", "eos_token_id",
                                      "decoder_start_token_id"};
    for (const char* name : kTokenIds) {
      if (config.contains(name)) EPICRISIS_RETURN_IF_ERROR(defaults.apply({{name, config[name]}}, false));
    }
    EPICRISIS_RETURN_IF_ERROR(defaults.apply(generation_config, false));
  } else {
    // What a derived generation_config.json adds beside config.json is laid under it.
    EPICRISIS_RETURN_IF_ERROR(defaults.apply(generation_config, false));
    EPICRISIS_RETURN_IF_ERROR(defaults.apply(config, false));
  }
  const auto tasks = config.find("task_specific_params");
  if (tasks != config.end() && tasks->is_object() && tasks->contains("summarization")) {
    EPICRISIS_RETURN_IF_ERROR(defaults.apply((*tasks)["summarization"], false));
  }
  return defaults;
}

}  // namespace epicrisis
