#include "generation/generation_config.hpp"

#include <fmt/format.h>

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
  constexpr int kMostDrafts = 256;
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
  EPICRISIS_RETURN_IF_ERROR(check_range("decoder_start_token_id", config.decoder_start_token_id, 0, kAny));
  EPICRISIS_RETURN_IF_ERROR(check_positive("repetition_penalty", config.repetition_penalty));
  EPICRISIS_RETURN_IF_ERROR(check_positive("encoder_repetition_penalty", config.encoder_repetition_penalty));
  EPICRISIS_RETURN_IF_ERROR(
      check_range("prompt_lookup_num_tokens", config.prompt_lookup_num_tokens.value_or(0), 0, kMostDrafts));
  EPICRISIS_RETURN_IF_ERROR(check_range("max_matching_ngram_size", config.max_matching_ngram_size, 1, kAny));
  if (!std::isfinite(config.length_penalty)) return invalid("'length_penalty' must be a finite number.");
  return {};
}

Result<void> check_share(std::string_view name, double value, double lowest, double highest) {
  if (value >= lowest && value <= highest) return {};
  return invalid(fmt::format("'{}' is {} but must be from {} to {}.", name, value, lowest, highest));
}

/// What only sampling looks at: as in the reference, a search passes over it.
Result<void> check_sampling(const GenerationConfig& config) {
  EPICRISIS_RETURN_IF_ERROR(check_range("top_k", config.top_k, 0, std::numeric_limits<int>::max()));
  EPICRISIS_RETURN_IF_ERROR(check_positive("temperature", config.temperature));
  EPICRISIS_RETURN_IF_ERROR(check_share("top_p", config.top_p, 0, 1));
  EPICRISIS_RETURN_IF_ERROR(check_positive("typical_p", config.typical_p));
  EPICRISIS_RETURN_IF_ERROR(check_share("typical_p", config.typical_p, 0, 1));
  EPICRISIS_RETURN_IF_ERROR(check_share("epsilon_cutoff", config.epsilon_cutoff, 0, 1));
  EPICRISIS_RETURN_IF_ERROR(check_share("eta_cutoff", config.eta_cutoff, 0, 1));
  if (config.num_beams * config.num_return_sequences > kMostSequences) {
    return invalid(fmt::format("'num_beams' ({}) times 'num_return_sequences' ({}) must be at most {}.",
                               config.num_beams, config.num_return_sequences, kMostSequences));
  }
  return {};
}

}  // namespace

Result<void> GenerationConfig::apply(const Json& json, bool strict) {
  if (json.is_null()) return {};
  if (!json.is_object()) return invalid("Generation parameters must be a JSON object.");
  GenerationConfig changed = *this;
  for (const auto& [name, value] : json.items()) {
    if (const Setting* setting = find_setting(name)) {
      // null in a file leaves a setting that cannot be turned off to the reference's own default.
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
  if (do_sample) EPICRISIS_RETURN_IF_ERROR(check_sampling(*this));
  if (prompt_lookup_num_tokens.value_or(0) > 0 && num_beams > 1) {
    return invalid("'prompt_lookup_num_tokens' is for greedy search and sampling; set 'num_beams' to 1.");
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

}  // namespace epicrisis
