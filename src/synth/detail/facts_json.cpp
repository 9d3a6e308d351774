#include "synth/detail/facts_json.hpp"

#include <algorithm>

#include "base/json.hpp"

namespace epicrisis::synth::detail {
namespace {

/// Code points [begin, end) of UTF-8 `text`.
std::string slice(std::string_view text, std::size_t begin, std::size_t end) {
  std::string out;
  std::size_t at = 0;
  for (const char c : text) {
    if ((c & 0xc0) != 0x80) ++at;
    if (at > begin && at <= end) out += c;
  }
  return out;
}

const FactSpan* find(const std::vector<FactSpan>& spans, std::size_t fact) {
  const auto found =
      std::find_if(spans.begin(), spans.end(), [&](const FactSpan& s) { return s.fact == fact; });
  return found == spans.end() ? nullptr : &*found;
}

}  // namespace

std::string facts_json(const Scenario& scenario, const RealisedNote& realised) {
  OrderedJson facts = OrderedJson::array();
  for (std::size_t i = 0; i < scenario.facts.size(); ++i) {
    const FactSpan* const in_note = find(realised.in_note, i);
    if (in_note == nullptr) continue;  // decided, but the note does not tell it
    const Fact& fact = scenario.facts[i];
    OrderedJson entry = {{"kind", to_string(fact.kind)}};
    if (fact.kind == FactKind::kVital) {
      entry["vital"] = to_string(fact.vital);
      entry["reading"] = fact.reading + 1;
    }
    if (fact.kind == FactKind::kDone) entry["time"] = scenario.clock(fact.minutes);
    entry["note"] = slice(realised.note, in_note->begin, in_note->end);
    entry["note_span"] = {in_note->begin, in_note->end};
    const FactSpan* const in_summary = find(realised.in_summary, i);
    entry["in_summary"] = in_summary != nullptr;
    if (in_summary != nullptr) {
      entry["summary"] = slice(realised.summary, in_summary->begin, in_summary->end);
      entry["summary_span"] = {in_summary->begin, in_summary->end};
    }
    facts.push_back(std::move(entry));
  }
  const bool months = scenario.age_months < 24;
  const OrderedJson all = {{"age", months ? scenario.age_months : scenario.age_months / 12},
                           {"age_unit", months ? "months" : "years"},
                           {"sex", scenario.female ? "female" : "male"},
                           {"spelling", scenario.us ? "us" : "uk"},
                           {"outcome", scenario.has_flag("good")   ? "improved"
                                       : scenario.has_flag("poor") ? "not improved"
                                                                   : "unknown"},
                           {"typos", realised.typos},
                           {"facts", std::move(facts)}};
  return all.dump();
}

}  // namespace epicrisis::synth::detail
