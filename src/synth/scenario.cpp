#include "synth/scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "synth/detail/patient.hpp"

namespace epicrisis::synth {
namespace {

constexpr int kMinutesOfDay = 24 * 60;
constexpr int kClockStyles = 3;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

/// Adds facts to a scenario in the order in which they are decided.
class FactSampler {
 public:
  FactSampler(const Content& content, Scenario& scenario, Random& random)
      : content_(content), s_(scenario), random_(random) {}

  void sample() {
    pick(FactKind::kReason, s_.presentation->items[at(FactKind::kReason)], 1);
    pick(FactKind::kDiagnosis, s_.presentation->items[at(FactKind::kDiagnosis)], 1);
    for (const FactKind kind : {FactKind::kFinding, FactKind::kDenied}) {
      pick(kind, s_.presentation->items[at(kind)], count_for(kind));
    }
    sample_history();
    sample_done();
    pick(FactKind::kPending, s_.presentation->items[at(FactKind::kPending)], count_for(FactKind::kPending));
    pick(FactKind::kPlan, s_.presentation->items[at(FactKind::kPlan)], count_for(FactKind::kPlan));
    pick(FactKind::kCare, content_.care, count_for(FactKind::kCare));
    sample_response();
    sample_allergy();
    add_vitals();
  }

 private:
  static std::size_t at(FactKind kind) { return static_cast<std::size_t>(kind); }

  int count_for(FactKind kind) {
    const Range& range = s_.type->counts[at(kind)];
    return random_.between(range.low, range.high);
  }

  std::string words(const Template& text) {
    return text.expand(random_, [this](std::string_view slot) { return *s_.fill(slot, random_); });
  }

  void add(FactKind kind, const Item& item) {
    Fact fact;
    fact.kind = kind;
    fact.verb = item.verb;
    fact.note = words(item.note);
    if (item.in_summary) fact.summary = item.summary_as_note ? fact.note : words(item.summary);
    s_.facts.push_back(std::move(fact));
  }

  /// `count` of the items whose conditions hold, in the order of the file; all that are marked "always".
  std::vector<const Item*> choose(const std::vector<Item>& items, int count) {
    std::vector<const Item*> open;
    std::vector<const Item*> chosen;
    for (const Item& item : items) {
      if (!holds(item.conditions, s_)) continue;
      (item.always ? chosen : open).push_back(&item);
    }
    while (static_cast<int>(chosen.size()) < count && !open.empty()) {
      const std::size_t i = random_.below(open.size());
      chosen.push_back(open[i]);
      open.erase(open.begin() + static_cast<std::ptrdiff_t>(i));
    }
    std::sort(chosen.begin(), chosen.end());  // one vector's elements: the order of the file
    return chosen;
  }

  void pick(FactKind kind, const std::vector<Item>& items, int count) {
    for (const Item* item : choose(items, count)) add(kind, *item);
  }

  void sample_history() {
    std::vector<const Item*> chosen =
        choose(s_.presentation->items[at(FactKind::kHistory)], count_for(FactKind::kHistory));
    const int others = s_.age_months >= 40 * 12 ? random_.between(0, 2) : random_.between(0, 1);
    std::vector<const Item*> more = choose(content_.comorbidities, others);
    chosen.insert(chosen.end(), more.begin(), more.end());
    std::set<std::string> said;
    for (const Item* item : chosen) {
      const std::size_t before = s_.facts.size();
      add(FactKind::kHistory, *item);
      const std::string name = lower(s_.facts.back().note);
      if (!said.insert(name.substr(0, 4)).second) {
        s_.facts.resize(before);
        continue;
      }
      if (item->medications.empty()) continue;
      Fact drug;
      drug.kind = FactKind::kMedication;
      drug.note = words(item->medications[random_.below(item->medications.size())]);
      if (said.insert(lower(drug.note).substr(0, 7)).second) s_.facts.push_back(std::move(drug));
    }
    pick(FactKind::kMedication, s_.presentation->items[at(FactKind::kMedication)],
         count_for(FactKind::kMedication));
  }

  void sample_done() {
    add_oxygen();
    pick(FactKind::kDone, s_.presentation->items[at(FactKind::kDone)], count_for(FactKind::kDone));
    int clock = s_.start_minutes;
    for (Fact& fact : s_.facts) {
      if (fact.kind != FactKind::kDone) continue;
      clock += random_.between(s_.type->gap_minutes.low, s_.type->gap_minutes.high);
      fact.minutes = clock;
    }
    s_.later_minutes = clock + random_.between(10, 45);
    s_.end_minutes = s_.later_minutes + random_.between(5, 30);
  }

  void add_oxygen() {
    const std::optional<int> saturation = s_.readings[0][Vital::kSaturation];
    const std::string name = !s_.presentation->oxygen.empty() ? s_.presentation->oxygen
                             : s_.has_flag("child")           ? "child"
                                                              : "adult";
    const auto table = content_.oxygen.find(name);
    if (!saturation || table == content_.oxygen.end()) return;
    for (const OxygenStep& step : table->second) {
      if (*saturation >= step.below_percent) continue;
      s_.oxygen = words(step.device);
      s_.flags.insert("oxygen");
      Fact fact;
      fact.kind = FactKind::kDone;
      fact.note = "{oxygen}";  // worded by the grammar
      fact.summary = "O2 " + s_.oxygen;
      s_.facts.push_back(std::move(fact));
      return;
    }
  }

  void sample_response() {
    const bool acted = std::any_of(s_.facts.begin(), s_.facts.end(),
                                   [](const Fact& fact) { return fact.kind == FactKind::kDone; });
    if (!acted || !random_.chance(s_.type->response_percent)) return;
    const bool improving = s_.presentation->poor.empty() || random_.chance(74);
    const std::vector<Item>& outcomes = improving ? s_.presentation->good : s_.presentation->poor;
    s_.flags.insert(improving ? "good" : "poor");
    pick(FactKind::kResponse, outcomes, 1);
    s_.has_later = random_.chance(s_.type->later_percent);
    if (!s_.has_later) return;
    s_.flags.insert("later");
    detail::sample_later_reading(s_, improving, !s_.oxygen.empty(), random_);
  }

  bool takes(const Allergy& allergy) const {
    for (const Fact& fact : s_.facts) {
      const std::string said = lower(fact.note);
      for (const std::string& drug : allergy.drugs) {
        if (said.find(drug) != std::string::npos) return true;
      }
    }
    return false;
  }

  void sample_allergy() {
    std::vector<const Allergy*> open;
    for (const Allergy& allergy : content_.allergies) {
      if (takes(allergy)) continue;
      open.insert(open.end(), static_cast<std::size_t>(allergy.weight), &allergy);
    }
    if (open.empty()) return;
    Fact fact;
    fact.kind = FactKind::kAllergy;
    fact.note = words(open[random_.below(open.size())]->text);
    s_.facts.push_back(std::move(fact));
  }

  void add_vitals() {
    for (int reading = 0; reading < (s_.has_later ? 2 : 1); ++reading) {
      for (std::size_t i = 0; i < kVitals; ++i) {
        if (!s_.readings[static_cast<std::size_t>(reading)].values[i]) continue;
        Fact fact;
        fact.kind = FactKind::kVital;
        fact.vital = static_cast<Vital>(i);
        fact.reading = reading;
        fact.note = vital_text(s_, fact.vital, reading);
        s_.facts.push_back(std::move(fact));
      }
    }
  }

  const Content& content_;
  Scenario& s_;
  Random& random_;
};

std::string inline_number(std::string_view bounds, Random& random) {
  int low = 0;
  int high = 0;
  const std::size_t dash = bounds.find('-');
  std::from_chars(bounds.data(), bounds.data() + std::min(dash, bounds.size()), low);
  if (dash != std::string_view::npos) {
    std::from_chars(bounds.data() + dash + 1, bounds.data() + bounds.size(), high);
  }
  return std::to_string(random.between(low, high));
}

std::string person(const Scenario& s, Random& random) {
  const int years = s.age_months / 12;
  if (years < 2) return s.female ? "baby girl" : "baby boy";
  if (years < 16) return s.female ? "girl" : "boy";
  if (years >= 60 && random.chance(40)) return s.female ? "lady" : "gentleman";
  return s.female ? "woman" : "man";
}

}  // namespace

bool holds(const std::vector<Condition>& conditions, const Scenario& scenario) {
  return std::all_of(conditions.begin(), conditions.end(), [&](const Condition& condition) {
    return scenario.has_flag(condition.name) != condition.negated;
  });
}

std::string Scenario::clock(int minutes) const {
  const int of_day = minutes % kMinutesOfDay;
  const int hour = of_day / 60;
  const int minute = of_day % 60;
  if (clock_style == 0) return fmt::format("{:02}{:02}", hour, minute);
  if (clock_style == 1) return fmt::format("{:02}:{:02}", hour, minute);
  const int twelve = hour % 12 == 0 ? 12 : hour % 12;
  return fmt::format("{}{}{:02}{}", twelve, us ? ":" : ".", minute,
                     hour < 12 ? (us ? " AM" : "am") : (us ? " PM" : "pm"));
}

std::optional<std::string> Scenario::fill(std::string_view slot, Random& random) const {
  if (const auto found = variables.find(slot); found != variables.end()) return found->second;
  if (slot == "age") return std::to_string(age_months < 24 ? age_months : age_months / 12);
  if (slot == "sex.letter") return female ? "F" : "M";
  if (slot == "sex.word") return female ? "female" : "male";
  if (slot == "person") return person(*this, random);
  if (slot == "he") return female ? "she" : "he";
  if (slot == "him") return female ? "her" : "him";
  if (slot == "his") return female ? "her" : "his";
  if (slot == "kg") return std::to_string(weight_kg);
  if (slot == "time0") return clock(start_minutes);
  if (slot == "time1") return clock(later_minutes);
  if (slot == "now") return clock(end_minutes);
  if (slot == "later.time") return clock((end_minutes / 30 + random.between(2, 10)) * 30);
  if (slot.starts_with("n:")) return inline_number(slot.substr(2), random);
  if (slot == "letter") return std::string(1, static_cast<char>('A' + random.below(26)));
  return std::nullopt;
}

std::string vital_text(const Scenario& scenario, Vital vital, int reading) {
  const Reading& values = scenario.readings[static_cast<std::size_t>(reading)];
  const int value = values[vital].value_or(0);
  if (vital == Vital::kSystolic) return fmt::format("{}/{}", value, values.diastolic);
  if (vital == Vital::kGlucose && scenario.us) return std::to_string(value * 18 / 10);
  int tenths = value;
  if (vital == Vital::kTemperature) {
    if (scenario.us && scenario.has_flag("fahrenheit")) tenths = value * 9 / 5 + 320;
  } else if (vital != Vital::kGlucose) {
    return std::to_string(value);
  }
  return fmt::format("{}.{}", tenths / 10, tenths % 10);
}

Scenario sample_scenario(const Content& content, const Presentation& presentation, const NoteType& type,
                         Random& random) {
  Scenario s;
  s.presentation = &presentation;
  s.type = &type;
  s.us = random.chance(55);
  s.clock_style = random.between(0, kClockStyles - 1);
  s.age_months = random.between(presentation.age_months.low, presentation.age_months.high);
  s.female = presentation.sex == Sex::kAny ? random.chance(50) : presentation.sex == Sex::kFemale;
  s.weight_kg = detail::weight_of(s.age_months, s.female, random);
  s.band = &detail::band_of(content, s.age_months);
  s.start_minutes = random.between(0, kMinutesOfDay / 5 - 1) * 5;
  s.flags.insert(presentation.flags.begin(), presentation.flags.end());
  for (const std::string& system : content.systems) {
    if (!presentation.off_flags.contains(system)) s.flags.insert(system);
  }
  s.flags.insert(s.start_minutes >= 7 * 60 && s.start_minutes < 19 * 60 ? "day" : "night");
  if (s.us && random.chance(65)) s.flags.insert("fahrenheit");
  detail::set_patient_flags(s);
  detail::sample_variables(s, random);
  detail::sample_first_reading(s, random);
  FactSampler(content, s, random).sample();
  return s;
}

}  // namespace epicrisis::synth
