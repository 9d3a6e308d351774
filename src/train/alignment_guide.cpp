#include "train/alignment_guide.hpp"

#include <fmt/format.h>

#include <charconv>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace epicrisis::train {
namespace {

constexpr const char* kConfigKey = "alignment_heads";

Error invalid(std::string message) { return Error{ErrorCode::kInvalidArgument, std::move(message), {}}; }

std::optional<int> whole_number(std::string_view text) {
  int value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  return fault == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

/// "1:0".
Result<std::pair<int, int>> parse_head(std::string_view text) {
  const std::size_t colon = text.find(':');
  const auto layer = whole_number(text.substr(0, colon));
  const auto head = colon == std::string_view::npos ? std::nullopt : whole_number(text.substr(colon + 1));
  if (layer && head) return std::pair(*layer, *head);
  return invalid(fmt::format("--alignment-heads takes LAYER:HEAD, both from 0, as 1:0; '{}' is none.", text));
}

Result<std::vector<std::pair<int, int>>> heads_of_config(const Json& config) {
  std::vector<std::pair<int, int>> heads;
  const auto list = config.find(kConfigKey);
  if (list == config.end() || list->is_null()) return heads;
  const Error malformed{ErrorCode::kCorrupt, "'alignment_heads' must be a list of [layer, head] pairs.",
                        "config.json"};
  if (!list->is_array()) return malformed;
  for (const Json& pair : *list) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number_integer() || !pair[1].is_number_integer())
      return malformed;
    heads.emplace_back(pair[0].get<int>(), pair[1].get<int>());
  }
  return heads;
}

Result<std::vector<std::pair<int, int>>> heads_asked_for(const TrainingOptions& options, const Json& config) {
  if (options.alignment_heads.empty()) return heads_of_config(config);
  std::vector<std::pair<int, int>> heads;
  for (const std::string& text : options.alignment_heads) {
    EPICRISIS_ASSIGN_OR_RETURN(const auto head, parse_head(text));
    heads.push_back(head);
  }
  return heads;
}

}  // namespace

std::size_t AlignmentGuide::heads() const {
  return std::accumulate(heads_of_layer.begin(), heads_of_layer.end(), std::size_t{0},
                         [](std::size_t sum, const auto& layer) { return sum + layer.second.size(); });
}

Result<AlignmentGuide> settle_alignment_guide(const TrainingOptions& options,
                                              const Architecture& architecture, Json& config) {
  EPICRISIS_ASSIGN_OR_RETURN(const auto heads, heads_asked_for(options, config));
  AlignmentGuide guide;
  guide.weight = options.guided_alignment_weight.value_or(heads.empty() ? 0 : kDefaultAlignmentWeight);
  if (heads.empty()) {
    if (guide.weight > 0)
      return invalid(
          "--guided-alignment-weight needs --alignment-heads: this model's config.json names none.");
    return guide;
  }
  if (architecture.topology != Topology::kEncoderDecoder)
    return invalid(
        "--alignment-heads are of cross-attention, which this model does not have; leave them out.");
  Json list = Json::array();
  for (const auto& [layer, head] : heads) {
    if (layer < 0 || layer >= architecture.decoder.layers || head < 0 || head >= architecture.decoder.heads)
      return invalid(
          fmt::format("Alignment head {}:{} is not one of this model's {} decoder layers with {} heads.",
                      layer, head, architecture.decoder.layers, architecture.decoder.heads));
    guide.heads_of_layer[static_cast<std::size_t>(layer)].push_back(head);
    list.push_back({layer, head});
  }
  config[kConfigKey] = std::move(list);
  return guide;
}

}  // namespace epicrisis::train
