#include "synth/note_writer.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/check.hpp"
#include "synth/realiser.hpp"

namespace epicrisis::synth {
namespace {

constexpr int kAll = std::numeric_limits<int>::max();

std::optional<Vital> vital_of_slot(std::string_view slot) {
  if (slot == "bp") return Vital::kSystolic;
  if (slot == "temp") return Vital::kTemperature;
  return vital(slot);
}

}  // namespace

NoteWriter::NoteWriter(const Content& content, const Scenario& scenario, Productions productions,
                       Random& random)
    : content_(content),
      s_(scenario),
      productions_(productions),
      random_(random),
      told_(scenario.facts.size(), false) {}

std::string NoteWriter::write() { return expand_rule("doc." + s_.type->name); }

bool NoteWriter::holds(const std::vector<Condition>& conditions) const {
  return std::all_of(conditions.begin(), conditions.end(), [&](const Condition& condition) {
    bool met = s_.has_flag(condition.name) || summary_flags_.contains(condition.name);
    if (const auto kind = fact_kind(condition.name)) {
      met = static_cast<int>(untold(*kind).size()) >= condition.at_least;
    } else if (const auto sign = vital_of_slot(condition.name)) {
      met = s_.readings[static_cast<std::size_t>(reading_)][*sign].has_value();
    }
    return met != condition.negated;
  });
}

std::string NoteWriter::expand_rule(std::string_view name) {
  const auto rule = content_.rules.find(name);
  EPICRISIS_CHECK(rule != content_.rules.end());
  if (content_.memo_rules.contains(name)) {
    auto known = remembered_.find(name);
    if (known == remembered_.end() || !holds(known->second->conditions)) {
      known = remembered_.insert_or_assign(std::string(name), &choose(rule->second)).first;
    }
    return expand(*known->second);
  }
  return expand(choose(rule->second));
}

const Production& NoteWriter::choose(const std::vector<Production>& productions) {
  // Held-out notes use a held-out production wherever the rule has one that fits.
  std::vector<const Production*> open;
  std::size_t total = 0;
  for (const bool held_out : {productions_ == Productions::kHeldOut, false}) {
    for (const Production& production : productions) {
      if (production.held_out != held_out || !holds(production.conditions)) continue;
      open.push_back(&production);
      total += static_cast<std::size_t>(production.weight);
    }
    if (!open.empty()) break;
  }
  static const Production kNothing{};
  if (open.empty()) return kNothing;
  held_out_productions_ += open.front()->held_out ? 1 : 0;
  std::size_t draw = random_.below(total);
  for (const Production* production : open) {
    if (draw < static_cast<std::size_t>(production->weight)) return *production;
    draw -= static_cast<std::size_t>(production->weight);
  }
  return *open.back();
}

std::string NoteWriter::expand(const Production& production) {
  std::vector<const Template*> order;
  for (const Template& segment : production.segments) order.push_back(&segment);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random_.below(i)]);
  std::string out;
  for (const Template* segment : order) {
    const std::string words = segment->expand(random_, [this](std::string_view slot) { return fill(slot); });
    if (words.empty()) continue;
    if (!out.empty()) out += production.separator;
    out += words;
  }
  return out;
}

std::string NoteWriter::fill(std::string_view slot) {
  if (slot == "x") return act_;
  if (slot == "time") return act_time_;
  if (slot == "oxygen") return s_.oxygen;
  if (slot == "vitals") {
    reading_ = 0;
    return expand_rule("vitals.line");
  }
  if (slot == "vitals2") {
    if (!s_.has_later) return {};
    reading_ = 1;
    std::string words = expand_rule("vitals2.line");
    reading_ = 0;
    return words;
  }
  if (const auto sign = vital_of_slot(slot)) return measure(*sign);
  if (slot.starts_with("sum.") && !content_.rules.contains(slot)) {
    return say(slot == "sum.reason"     ? FactKind::kReason
               : slot == "sum.dx"       ? FactKind::kDiagnosis
               : slot == "sum.history"  ? FactKind::kHistory
               : slot == "sum.findings" ? FactKind::kFinding
               : slot == "sum.done"     ? FactKind::kDone
               : slot == "sum.response" ? FactKind::kResponse
               : slot == "sum.plan"     ? FactKind::kPlan
                                        : FactKind::kPending);
  }
  const std::size_t colon = slot.find(':');
  const std::string_view base = slot.substr(0, colon);
  const bool timed = base == "done.timed";
  if (const auto kind = timed ? FactKind::kDone : fact_kind(base)) {
    int at_most = kAll;
    if (colon != std::string_view::npos) {
      std::from_chars(slot.data() + colon + 1, slot.data() + slot.size(), at_most);
    }
    return tell(*kind, at_most, timed);
  }
  if (content_.rules.contains(slot)) return expand_rule(slot);
  const std::optional<std::string> words = s_.fill(slot, random_);
  EPICRISIS_CHECK(words.has_value());
  return *words;
}

std::vector<std::size_t> NoteWriter::untold(FactKind kind) const {
  std::vector<std::size_t> facts;
  for (std::size_t i = 0; i < s_.facts.size(); ++i) {
    if (s_.facts[i].kind == kind && !told_[i]) facts.push_back(i);
  }
  return facts;
}

std::string NoteWriter::tell(FactKind kind, int at_most, bool timed) {
  std::vector<std::string> parts;
  for (const std::size_t fact : untold(kind)) {
    if (static_cast<int>(parts.size()) >= at_most) break;
    parts.push_back(tell_one(fact, timed));
  }
  if (kind == FactKind::kDenied) return join(parts, ", ", "join.denies");
  if (timed) return join(parts, "join.line", "join.line");
  if (kind == FactKind::kDone) return join(parts, "join.act", "join.act");
  return join(parts, "join.mid", "join.last");
}

std::string NoteWriter::tell_one(std::size_t fact, bool timed) {
  const Fact& f = s_.facts[fact];
  told_[fact] = true;
  if (f.kind != FactKind::kDone) return marked(fact, f.note);
  act_ = f.note == "{oxygen}" ? marked(fact, expand_rule("oxygen.words")) : marked(fact, f.note);
  act_time_ = s_.clock(f.minutes);
  act_ = expand_rule(f.note == "{oxygen}"             ? "oxygen.act"
                     : f.verb == Item::Verb::kGiven   ? "act.given"
                     : f.verb == Item::Verb::kStarted ? "act.started"
                                                      : "act.plain");
  return timed ? expand_rule("act.timed") : act_;
}

std::string NoteWriter::join(const std::vector<std::string>& parts, std::string_view mid,
                             std::string_view last) {
  // One style a list: the separators are drawn once. A name without a '.' is the separator itself.
  const auto separator = [this](std::string_view name) {
    return name.starts_with("join.") ? expand_rule(name) : std::string(name);
  };
  const std::string between = separator(mid);
  const std::string before_last = mid == last ? between : separator(last);
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += i + 1 == parts.size() ? before_last : between;
    out += parts[i];
  }
  return out;
}

std::string NoteWriter::measure(Vital which) {
  const Reading& reading = s_.readings[static_cast<std::size_t>(reading_)];
  if (!reading[which]) return {};
  for (std::size_t i = 0; i < s_.facts.size(); ++i) {
    const Fact& fact = s_.facts[i];
    if (fact.kind != FactKind::kVital || fact.vital != which || fact.reading != reading_) continue;
    if (told_[i]) return fact.note;
    told_[i] = true;
    return marked(i, fact.note);
  }
  return {};
}

}  // namespace epicrisis::synth
