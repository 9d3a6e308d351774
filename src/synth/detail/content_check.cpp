#include "synth/detail/content_check.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "synth/detail/slot_names.hpp"

namespace epicrisis::synth::detail {
namespace {

using Names = std::set<std::string, std::less<>>;

Error wrong(std::string_view where, std::string_view what) {
  return {ErrorCode::kCorrupt, fmt::format("{}: {}", where, what), ""};
}

Result<void> check_slots(const Template& text, const Names& known, std::string_view where) {
  std::string missing;
  text.for_each_slot([&](std::string_view slot) {
    if (!known.contains(slot.substr(0, slot.find(':')))) missing = slot;
  });
  if (missing.empty()) return {};
  return wrong(where, fmt::format("nothing fills the slot '{{{}}}'.", missing));
}

Result<void> check_conditions(const std::vector<Condition>& conditions, const Names& flags,
                              std::string_view where) {
  for (const Condition& condition : conditions) {
    if (!flags.contains(condition.name)) {
      return wrong(where, fmt::format("no note ever has the flag '{}'.", condition.name));
    }
  }
  return {};
}

Result<void> check_items(const std::vector<Item>& items, const Names& slots, const Names& flags,
                         std::string_view where) {
  for (const Item& item : items) {
    EPICRISIS_RETURN_IF_ERROR(check_conditions(item.conditions, flags, where));
    EPICRISIS_RETURN_IF_ERROR(check_slots(item.note, slots, where));
    EPICRISIS_RETURN_IF_ERROR(check_slots(item.summary, slots, where));
    for (const Template& drug : item.medications) {
      EPICRISIS_RETURN_IF_ERROR(check_slots(drug, slots, where));
    }
  }
  return {};
}

Names all_flags(const Content& content) {
  Names flags(kNoteFlags.begin(), kNoteFlags.end());
  flags.insert(content.systems.begin(), content.systems.end());
  for (const NoteType& type : content.note_types) flags.insert(type.name);
  flags.insert(content.flags.begin(), content.flags.end());
  for (std::size_t kind = 0; kind < kFactKinds; ++kind) {
    flags.insert(std::string(to_string(static_cast<FactKind>(kind))));
  }
  for (std::size_t i = 0; i < kVitals; ++i) flags.insert(std::string(to_string(static_cast<Vital>(i))));
  return flags;
}

Result<void> check_presentation(const Content& content, const Presentation& presentation,
                                const Names& flags) {
  Names slots(kPatientSlots.begin(), kPatientSlots.end());
  for (const Variable& variable : presentation.variables) {
    slots.insert(variable.names.begin(), variable.names.end());
  }
  for (const std::vector<Item>& items : presentation.items) {
    EPICRISIS_RETURN_IF_ERROR(check_items(items, slots, flags, presentation.id));
  }
  EPICRISIS_RETURN_IF_ERROR(check_items(presentation.good, slots, flags, presentation.id));
  EPICRISIS_RETURN_IF_ERROR(check_items(presentation.poor, slots, flags, presentation.id));
  for (const std::string& type : presentation.note_types) {
    if (content.note_type(type) == nullptr) {
      return wrong(presentation.id, fmt::format("no such note type '{}'.", type));
    }
  }
  for (const std::string& flag : presentation.flags) {
    if (!content.flags.contains(flag)) return wrong(presentation.id, fmt::format("no such flag '{}'.", flag));
  }
  for (const std::string& off : presentation.off_flags) {
    if (!content.systems.contains(off))
      return wrong(presentation.id, fmt::format("no such system '{}'.", off));
  }
  if (!presentation.oxygen.empty() && !content.oxygen.contains(presentation.oxygen)) {
    return wrong(presentation.id, fmt::format("no such oxygen table '{}'.", presentation.oxygen));
  }
  return {};
}

std::uint64_t fnv1a(std::uint64_t hash, std::string_view text) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

std::string conditions_key(const Production& production) {
  std::string key;
  for (const Condition& c : production.conditions) {
    key += fmt::format("{}{}>={},", c.negated ? "!" : "", c.name, c.at_least);
  }
  return key;
}

}  // namespace

Result<void> check_content(const Content& content) {
  const Names flags = all_flags(content);
  for (const Presentation& presentation : content.presentations) {
    EPICRISIS_RETURN_IF_ERROR(check_presentation(content, presentation, flags));
  }
  const Names patient_slots(kPatientSlots.begin(), kPatientSlots.end());
  EPICRISIS_RETURN_IF_ERROR(check_items(content.comorbidities, patient_slots, flags, "comorbidities"));
  EPICRISIS_RETURN_IF_ERROR(check_items(content.care, patient_slots, flags, "care"));
  Names slots = patient_slots;
  slots.insert(kNoteSlots.begin(), kNoteSlots.end());
  for (const auto& [name, productions] : content.rules) slots.insert(name);
  for (const auto& [name, productions] : content.rules) {
    const std::string where = fmt::format("rule '{}'", name);
    for (const Production& production : productions) {
      EPICRISIS_RETURN_IF_ERROR(check_conditions(production.conditions, flags, where));
      for (const Template& segment : production.segments) {
        EPICRISIS_RETURN_IF_ERROR(check_slots(segment, slots, where));
      }
    }
  }
  for (const std::string_view name : kRulesCalledByName) {
    if (!content.rules.contains(name)) return wrong("grammar", fmt::format("rule '{}' is missing.", name));
  }
  for (const NoteType& type : content.note_types) {
    if (!content.rules.contains("doc." + type.name)) {
      return wrong("grammar", fmt::format("rule 'doc.{}' is missing.", type.name));
    }
  }
  if (content.age_bands.empty()) return wrong("clinical", "'age_bands' is empty.");
  return {};
}

void hold_out_productions(Rules& rules) {
  std::size_t seen = 0;
  std::size_t held = 0;
  for (auto& [name, productions] : rules) {
    if (name.starts_with("sum")) continue;
    std::map<std::string, std::vector<Production*>> groups;
    for (Production& production : productions) groups[conditions_key(production)].push_back(&production);
    for (auto& [key, group] : groups) {
      seen += group.size();
      const std::size_t wanted = (seen + 1) / 3 - std::min((seen + 1) / 3, held);
      const std::size_t count = std::min(wanted, group.size() - 1);
      std::vector<std::pair<std::uint64_t, Production*>> order;
      for (Production* production : group) {
        std::uint64_t hash = fnv1a(0xcbf29ce484222325ULL, name);
        for (const Template& segment : production->segments) hash = fnv1a(hash, segment.source());
        order.emplace_back(hash, production);
      }
      std::stable_sort(order.begin(), order.end(),
                       [](const auto& a, const auto& b) { return a.first < b.first; });
      for (std::size_t i = 0; i < count; ++i) order[i].second->held_out = true;
      held += count;
    }
  }
}

}  // namespace epicrisis::synth::detail
