#include "checkpoint/families/family.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "checkpoint/families/config_reader.hpp"

namespace epicrisis {
namespace families {

extern const Family kBart;
extern const Family kBloom;
extern const Family kGpt2;
extern const Family kMbart;
extern const Family kMt5;
extern const Family kPegasus;
extern const Family kT5;

}  // namespace families

namespace {

const std::array kFamilies = {
    &families::kBart, &families::kBloom,   &families::kGpt2, &families::kMbart,
    &families::kMt5,  &families::kPegasus, &families::kT5,
};

/// Options that any model of the reference may have.
constexpr std::array kCommonOptions = {
    RequiredOption{"tie_encoder_decoder", "false"},
    RequiredOption{"add_cross_attention", "false"},
    RequiredOption{"pruned_heads", "{}"},
    RequiredOption{"quantization_config", "null"},
    RequiredOption{"auto_map", "null"},
};

}  // namespace

const Family* find_family(std::string_view model_type) {
  const auto* const found = std::find_if(kFamilies.begin(), kFamilies.end(), [&](const Family* family) {
    return family->model_type == model_type;
  });
  return found == kFamilies.end() ? nullptr : *found;
}

std::optional<TokenId> teacher_forcing_start(const Architecture& architecture) {
  const Family* const family = find_family(architecture.family);
  if (family != nullptr && family->last_label_starts_decoder) return std::nullopt;
  return architecture.decoder_start_token_id;
}

std::vector<Error> unsupported_options(const Json& config, const Family& family) {
  std::vector<Error> errors;
  const auto check = [&](const RequiredOption& option) {
    const Result<void> outcome = require_config(config, option.key, Json::parse(option.value));
    if (!outcome) errors.push_back(outcome.error());
  };
  std::for_each(kCommonOptions.begin(), kCommonOptions.end(), check);
  std::for_each(family.required_options.begin(), family.required_options.end(), check);
  return errors;
}

std::string known_families() {
  std::vector<std::string_view> names;
  for (const Family* family : kFamilies) names.push_back(family->model_type);
  std::sort(names.begin(), names.end());
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace epicrisis
