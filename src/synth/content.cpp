#include "synth/content.hpp"

#include <algorithm>

namespace epicrisis::synth {
namespace {

constexpr std::array<std::string_view, kFactKinds> kKindNames = {
    "reason", "dx",      "findings", "denies",   "history", "meds", "allergy",
    "done",   "pending", "plan",     "response", "care",    "vital"};
constexpr std::array<std::string_view, kVitals> kVitalNames = {"hr", "sbp",  "rr",  "spo2",
                                                               "t",  "pain", "gcs", "bg"};

}  // namespace

std::string_view to_string(FactKind kind) noexcept { return kKindNames[static_cast<std::size_t>(kind)]; }

std::optional<FactKind> fact_kind(std::string_view name) noexcept {
  const auto* const found = std::find(kKindNames.begin(), kKindNames.end(), name);
  if (found == kKindNames.end()) return std::nullopt;
  return static_cast<FactKind>(found - kKindNames.begin());
}

std::string_view to_string(Vital vital) noexcept { return kVitalNames[static_cast<std::size_t>(vital)]; }

std::optional<Vital> vital(std::string_view name) noexcept {
  const auto* const found = std::find(kVitalNames.begin(), kVitalNames.end(), name);
  if (found == kVitalNames.end()) return std::nullopt;
  return static_cast<Vital>(found - kVitalNames.begin());
}

const NoteType* Content::note_type(std::string_view name) const noexcept {
  const auto found =
      std::find_if(note_types.begin(), note_types.end(), [&](const NoteType& t) { return t.name == name; });
  return found == note_types.end() ? nullptr : &*found;
}

}  // namespace epicrisis::synth
