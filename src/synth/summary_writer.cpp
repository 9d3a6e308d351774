// The summary half of NoteWriter: which of the told facts a handover holds, and their words.
#include <fmt/format.h>

#include <algorithm>

#include "synth/note_writer.hpp"
#include "synth/realiser.hpp"

namespace epicrisis::synth {
namespace {

constexpr std::string_view kTrend = "\u2192";  // an arrow from the first to the later value

std::size_t words_in(std::string_view text) {
  std::size_t words = 0;
  bool inside = false;
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\n';
    if (!blank && !inside) ++words;
    inside = !blank;
  }
  return words;
}

std::string_view label(Vital vital) {
  switch (vital) {
    case Vital::kHeartRate:
      return "HR ";
    case Vital::kSystolic:
      return "BP ";
    case Vital::kRespiratoryRate:
      return "RR ";
    case Vital::kSaturation:
      return "SpO2 ";
    case Vital::kTemperature:
      return "T ";
    case Vital::kPain:
      return "pain ";
    case Vital::kComa:
      return "GCS ";
    case Vital::kGlucose:
      return "BG ";
  }
  return "";
}

}  // namespace

int NoteWriter::severity(std::size_t fact) const {
  const Fact& f = s_.facts[fact];
  const std::size_t at = static_cast<std::size_t>(f.vital);
  const std::optional<Range>& own = s_.presentation->alerts[at];
  const std::optional<Range>& range = own ? own : s_.band->alert[at];
  if (!range) return 0;
  const int value = s_.readings[static_cast<std::size_t>(f.reading)].values[at].value_or(range->low);
  if (range->contains(value)) return 0;
  const int distance = value < range->low ? range->low - value : value - range->high;
  // Percent of what would be life-threatening: small steps count in saturation, coma score and temperature.
  switch (f.vital) {
    case Vital::kSaturation:
      return 10 + distance * 10;
    case Vital::kComa:
      return 20 + distance * 15;
    case Vital::kTemperature:
      return 10 + distance * 3;
    case Vital::kPain:
      return 5 + distance * 4;
    case Vital::kGlucose:
      return 30 + distance / 2;
    case Vital::kSystolic:
      return (value < range->low ? 20 : 5) + distance * 2;
    case Vital::kRespiratoryRate:
      return 8 + distance * 4;
    case Vital::kHeartRate:
      return 5 + distance * 2;
  }
  return 0;
}

void NoteWriter::drop_repetition(std::vector<std::size_t>& reason,
                                 std::vector<std::size_t>& diagnosis) const {
  if (reason.empty() || diagnosis.empty()) return;
  const std::string& why = s_.facts[reason.front()].summary;
  const std::string& what = s_.facts[diagnosis.front()].summary;
  if (why.find(what) != std::string::npos) {
    diagnosis.clear();
  } else if (what.find(why) != std::string::npos) {
    reason.clear();
  }
}

void NoteWriter::choose_for_summary() {
  const SummaryPolicy& policy = content_.policy;
  const auto told_facts = [&](FactKind kind, int at_most) {
    std::vector<std::size_t> facts;
    for (std::size_t i = 0; i < s_.facts.size() && static_cast<int>(facts.size()) < at_most; ++i) {
      if (s_.facts[i].kind == kind && told_[i] && !s_.facts[i].summary.empty()) facts.push_back(i);
    }
    return facts;
  };
  selected_.clear();
  selected_[FactKind::kReason] = told_facts(FactKind::kReason, 1);
  selected_[FactKind::kDiagnosis] = told_facts(FactKind::kDiagnosis, 1);
  drop_repetition(selected_[FactKind::kReason], selected_[FactKind::kDiagnosis]);
  selected_[FactKind::kHistory] = told_facts(FactKind::kHistory, 1);
  selected_[FactKind::kFinding] = told_facts(FactKind::kFinding, policy.findings);
  if (selected_[FactKind::kFinding].size() < static_cast<std::size_t>(policy.findings)) {
    for (const std::size_t fact : told_facts(FactKind::kDenied, 1))
      selected_[FactKind::kFinding].push_back(fact);
  }
  selected_[FactKind::kDone] = told_facts(FactKind::kDone, policy.done);
  selected_[FactKind::kResponse] = told_facts(FactKind::kResponse, 1);
  selected_[FactKind::kPending] = told_facts(FactKind::kPending, policy.pending);
  selected_[FactKind::kPlan] = told_facts(FactKind::kPlan, 1);

  std::vector<std::size_t> vitals;
  for (std::size_t i = 0; i < s_.facts.size(); ++i) {
    if (s_.facts[i].kind == FactKind::kVital && s_.facts[i].reading == 0 && told_[i] && severity(i) > 0) {
      vitals.push_back(i);
    }
  }
  std::stable_sort(vitals.begin(), vitals.end(),
                   [this](std::size_t a, std::size_t b) { return severity(a) > severity(b); });
  vitals.resize(std::min(vitals.size(), static_cast<std::size_t>(policy.vitals)));
  selected_[FactKind::kVital] = std::move(vitals);
}

std::string NoteWriter::summarise() {
  choose_for_summary();
  // Too long: what matters least goes first.
  static constexpr FactKind kLeastFirst[] = {FactKind::kPlan,    FactKind::kDone,    FactKind::kFinding,
                                             FactKind::kHistory, FactKind::kPending, FactKind::kVital};
  for (std::size_t turn = 0;; ++turn) {
    summary_flags_.clear();
    for (const auto& [kind, facts] : selected_) {
      const FactKind shown = kind == FactKind::kVital ? FactKind::kFinding : kind;
      if (!facts.empty()) summary_flags_.insert(fmt::format("s{}", to_string(shown)));
    }
    const Random before = random_;
    std::string text = expand_rule("summary");
    if (words_in(text) <= static_cast<std::size_t>(content_.policy.max_words) || turn >= 12) return text;
    random_ = before;
    std::vector<std::size_t>& facts = selected_[kLeastFirst[turn % std::size(kLeastFirst)]];
    const std::size_t keep = turn < std::size(kLeastFirst) ? 1 : 0;
    if (facts.size() > keep) facts.pop_back();
  }
}

std::string NoteWriter::say_vital(std::size_t fact) {
  const Fact& first = s_.facts[fact];
  std::string words = std::string(label(first.vital)) + marked(fact, first.note);
  if (first.vital == Vital::kPain) words += "/10";
  for (std::size_t i = fact + 1; i < s_.facts.size(); ++i) {
    const Fact& later = s_.facts[i];
    if (later.kind != FactKind::kVital || later.vital != first.vital || later.reading != 1 || !told_[i])
      continue;
    if (later.note == first.note) continue;
    words = std::string(label(first.vital)) + marked(fact, first.note) + std::string(kTrend) +
            marked(i, later.note);
  }
  return words;
}

std::string NoteWriter::say(FactKind kind) {
  std::vector<std::string> parts;
  for (const std::size_t fact : selected_[kind]) parts.push_back(marked(fact, s_.facts[fact].summary));
  if (kind == FactKind::kFinding) {
    for (const std::size_t fact : selected_[FactKind::kVital]) parts.push_back(say_vital(fact));
  }
  return join(parts, ", ", ", ");
}

}  // namespace epicrisis::synth
