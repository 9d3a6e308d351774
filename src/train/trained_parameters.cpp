#include "train/trained_parameters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <regex>
#include <set>
#include <string_view>
#include <utility>

namespace epicrisis::train {
namespace {

Error invalid(std::string message) { return Error{ErrorCode::kInvalidArgument, std::move(message), {}}; }

using Belongs = bool (*)(std::string_view name);
bool has(std::string_view name, std::string_view part) { return name.find(part) != std::string_view::npos; }

/// Components by canonical names.
const std::vector<std::pair<std::string, Belongs>>& components() {
  static const std::vector<std::pair<std::string, Belongs>> kComponents = {
      {"embeddings",
       [](std::string_view name) {
         return name == "shared_embedding.weight" || has(name, ".positions.") ||
                has(name, ".embedding_norm.");
       }},
      {"encoder", [](std::string_view name) { return name.starts_with("encoder."); }},
      {"decoder", [](std::string_view name) { return name.starts_with("decoder."); }},
      {"lm_head", [](std::string_view name) { return name == "output.weight"; }},
      {"self_attention", [](std::string_view name) { return has(name, ".self_attention."); }},
      {"cross_attention", [](std::string_view name) { return has(name, ".cross_attention."); }},
      {"feed_forward", [](std::string_view name) { return has(name, ".feed_forward."); }},
      {"norms", [](std::string_view name) { return has(name, "_norm."); }},
      {"biases", [](std::string_view name) { return name.ends_with(".bias"); }},
      {"relative_bias", [](std::string_view name) { return has(name, ".relative_bias."); }},
  };
  return kComponents;
}

/// Names are short, so std::regex's recursion is no danger.
Result<std::regex> compiled(const std::string& pattern, std::string_view option) {
  try {
    return std::regex(pattern, std::regex::ECMAScript | std::regex::optimize);
  } catch (const std::regex_error&) {
    return invalid(
        fmt::format("{} '{}' is no regular expression; mind its parentheses and brackets.", option, pattern));
  }
}

std::string without_weight(std::string_view name) {
  constexpr std::string_view kSuffix = ".weight";
  return std::string(name.ends_with(kSuffix) ? name.substr(0, name.size() - kSuffix.size()) : name);
}

Result<void> mark_frozen(const ParameterLayout& layout, const std::string& entry, std::vector<bool>& frozen) {
  const auto component = std::find_if(components().begin(), components().end(),
                                      [&](const auto& named) { return named.first == entry; });
  std::regex pattern;
  if (component == components().end()) {
    EPICRISIS_ASSIGN_OR_RETURN(pattern, compiled(entry, "--freeze"));
  }
  bool found = false;
  for (std::size_t i = 0; i < layout.slots().size(); ++i) {
    const ParameterSlot& slot = layout.slots()[i];
    const bool matches = component != components().end() ? component->second(slot.name)
                                                         : std::regex_search(slot.file_name, pattern) ||
                                                               std::regex_search(slot.name, pattern);
    if (!matches) continue;
    frozen[i] = found = true;
  }
  if (found) return {};
  return invalid(
      fmt::format("--freeze '{}' fits no parameter of this model; give one of {}, or a regular expression "
                  "that matches in "
                  "a name such as {}.",
                  entry, fmt::join(frozen_components(), ", "), layout.slots().back().file_name));
}

/// What PEFT adapts when no modules are named.
std::vector<std::string> default_modules(const Architecture& architecture) {
  if (architecture.family == "t5" || architecture.family == "mt5") return {"q", "v"};
  if (architecture.family == "gpt2") return {"c_attn"};
  if (architecture.family == "bloom") return {"query_key_value"};
  return {"q_proj", "v_proj"};
}

bool is_projection_of_layer(const ParameterSlot& slot) {
  return slot.shape.size() == 2 && has(slot.name, ".layers.") && slot.name.ends_with(".weight");
}

bool ends_with_name(std::string_view whole, std::string_view end) {
  return whole == end || (whole.ends_with(end) && whole[whole.size() - end.size() - 1] == '.');
}

/// What one entry of target_modules asks of names.
class ModulePattern {
 public:
  static Result<ModulePattern> create(const std::string& entry) {
    ModulePattern pattern(entry);
    const auto is_plain = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '.'; };
    if (entry != "all-linear" && !std::all_of(entry.begin(), entry.end(), is_plain)) {
      EPICRISIS_ASSIGN_OR_RETURN(pattern.whole_name_, compiled(entry, "--lora-target-modules"));
    }
    return pattern;
  }
  bool fits(const std::string& module) const {
    if (entry_ == "all-linear") return true;
    return whole_name_ ? std::regex_match(module, *whole_name_) : ends_with_name(module, entry_);
  }

 private:
  explicit ModulePattern(std::string entry) : entry_(std::move(entry)) {}
  std::string entry_;
  std::optional<std::regex> whole_name_;
};

std::string known_modules(const ParameterLayout& layout) {
  std::set<std::string> names;
  for (const ParameterSlot& slot : layout.slots()) {
    if (!is_projection_of_layer(slot)) continue;
    const std::string module = without_weight(slot.file_name);
    names.insert(module.substr(module.rfind('.') + 1));
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

/// Adds what `entry` names to `targets` (slot indices by file module, or by canonical name).
Result<void> add_targets(const ParameterLayout& layout, const std::string& entry,
                         std::vector<std::vector<std::size_t>>& targets) {
  EPICRISIS_ASSIGN_OR_RETURN(const ModulePattern pattern, ModulePattern::create(entry));
  bool found = false;
  const auto& slots = layout.slots();
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (!is_projection_of_layer(slots[i])) continue;
    const bool by_file = pattern.fits(without_weight(slots[i].file_name));
    if (!by_file && !pattern.fits(without_weight(slots[i].name))) continue;
    found = true;
    const bool continues = by_file && !targets.empty() && targets.back().back() + 1 == i &&
                           slots[targets.back().back()].file_name == slots[i].file_name;
    if (continues)
      targets.back().push_back(i);
    else
      targets.push_back({i});
  }
  if (found) return {};
  return invalid(fmt::format("--lora-target-modules '{}' fits no module of this model, which has {}.", entry,
                             known_modules(layout)));
}

Result<void> check_lora(const LoraSettings& lora) {
  if (lora.rank < 1 || lora.rank > 4096) return invalid("--lora-rank must be between 1 and 4096.");
  if (!(lora.alpha > 0)) return invalid("--lora-alpha must be positive.");
  if (!(lora.dropout >= 0 && lora.dropout < 1)) return invalid("--lora-dropout must be in [0, 1).");
  return {};
}

}  // namespace

const std::vector<std::string>& frozen_components() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const auto& component : components()) names.push_back(component.first);
    return names;
  }();
  return kNames;
}

Result<std::vector<LowRankAdapter>> find_adapted_modules(const Architecture& architecture,
                                                         const ParameterLayout& layout,
                                                         const LoraSettings& lora) {
  EPICRISIS_RETURN_IF_ERROR(check_lora(lora));
  std::vector<std::vector<std::size_t>> targets;
  for (const std::string& entry :
       lora.target_modules.empty() ? default_modules(architecture) : lora.target_modules)
    EPICRISIS_RETURN_IF_ERROR(add_targets(layout, entry, targets));
  std::sort(targets.begin(), targets.end());
  targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
  std::vector<LowRankAdapter> adapters;
  std::set<std::size_t> taken;
  for (const std::vector<std::size_t>& indices : targets) {
    LowRankAdapter adapter;
    for (const std::size_t index : indices) {
      const ParameterSlot& slot = layout.slots()[index];
      if (!taken.insert(index).second)
        return invalid(fmt::format("--lora-target-modules names {} twice, alone and with others.",
                                   without_weight(slot.name)));
      adapter.targets.push_back(slot.name);
    }
    const ParameterSlot& first = layout.slots()[indices.front()];
    const bool is_whole =  // a module of the family's files, not a part of one
        std::count_if(layout.slots().begin(), layout.slots().end(), [&](const ParameterSlot& slot) {
          return slot.file_name == first.file_name;
        }) == static_cast<std::ptrdiff_t>(indices.size());
    adapter.module = without_weight(is_whole ? first.file_name : first.name);
    adapter.scale = lora.alpha / lora.rank;
    adapter.dropout = lora.dropout;
    adapters.push_back(std::move(adapter));
  }
  return adapters;
}

Result<ParameterLayout> trained_layout(const Architecture& architecture, const TrainedParameters& trained) {
  EPICRISIS_ASSIGN_OR_RETURN(ParameterLayout layout, ParameterLayout::create(architecture));
  std::vector<bool> frozen(layout.slots().size(), trained.lora.rank != 0);
  for (const std::string& entry : trained.freeze)
    EPICRISIS_RETURN_IF_ERROR(mark_frozen(layout, entry, frozen));
  layout.freeze(frozen);
  if (trained.lora.rank != 0) {
    EPICRISIS_ASSIGN_OR_RETURN(const std::vector<LowRankAdapter> adapters,
                               find_adapted_modules(architecture, layout, trained.lora));
    for (const LowRankAdapter& adapter : adapters) layout.append_adapter(adapter, trained.lora.rank);
  }
  if (layout.trained_total() == 0)
    return invalid("--freeze leaves nothing to train; leave out some of its entries.");
  return layout;
}

}  // namespace epicrisis::train
