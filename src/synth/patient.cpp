#include <fmt/format.h>

#include <algorithm>

#include "synth/detail/patient.hpp"

namespace epicrisis::synth::detail {
namespace {

constexpr int kMonthsOfYear = 12;

std::size_t at(Vital v) { return static_cast<std::size_t>(v); }

int draw(const VitalRanges& own, const VitalRanges& usual, Vital v, Random& random) {
  const std::optional<Range>& range = own[at(v)] ? own[at(v)] : usual[at(v)];
  return range ? random.between(range->low, range->high) : 0;
}

int diastolic_of(int systolic, Random& random) { return systolic * random.between(56, 66) / 100; }

/// Moves `value` by `percent` of the way to the nearest place inside `normal`.
int toward(int value, const Range& normal, int percent, Random& random) {
  const int quarter = std::max(1, (normal.high - normal.low) / 4);
  int target = value;
  if (value > normal.high) target = normal.high - random.between(0, quarter);
  if (value < normal.low) target = normal.low + random.between(0, quarter);
  if (target == value)
    return random.between(std::max(normal.low, value - 3), std::min(normal.high, value + 3));
  return value + (target - value) * percent / 100;
}

}  // namespace

const AgeBand& band_of(const Content& content, int age_months) {
  for (const AgeBand& band : content.age_bands) {
    if (age_months < band.below_months) return band;
  }
  return content.age_bands.back();
}

int weight_of(int age_months, bool female, Random& random) {
  // Advanced Paediatric Life Support estimates up to twelve years.
  const int years = age_months / kMonthsOfYear;
  if (age_months < 12) return std::max(3, (age_months + 8) / 2);
  if (years <= 5) return 2 * years + 8;
  if (years <= 12) return 3 * years + 7;
  return female ? random.between(48, 92) : random.between(58, 108);
}

void sample_first_reading(Scenario& s, Random& random) {
  const VitalRanges& own = s.presentation->vitals;
  const VitalRanges& usual = s.band->normal;
  Reading& reading = s.readings[0];
  for (std::size_t i = 0; i < kVitals; ++i) {
    const Vital v = static_cast<Vital>(i);
    const bool optional_vital = v == Vital::kPain || v == Vital::kComa || v == Vital::kGlucose;
    if (optional_vital && !own[i]) continue;
    reading[v] = draw(own, usual, v, random);
  }
  // Blood pressure is often left out in small children who are not shocked.
  if (s.age_months < 5 * kMonthsOfYear && !own[at(Vital::kSystolic)] && random.chance(60)) {
    reading[Vital::kSystolic].reset();
  }
  if (reading[Vital::kSystolic]) reading.diastolic = diastolic_of(*reading[Vital::kSystolic], random);
}

void sample_later_reading(Scenario& s, bool improving, bool on_oxygen, Random& random) {
  const Reading& first = s.readings[0];
  Reading& later = s.readings[1];
  for (std::size_t i = 0; i < kVitals; ++i) {
    const Vital v = static_cast<Vital>(i);
    if (!first[v]) continue;
    Range normal = s.band->normal[i].value_or(Range{*first[v], *first[v]});
    if (v == Vital::kPain) normal = {0, 3};
    if (v == Vital::kComa) normal = {15, 15};
    if (v == Vital::kGlucose) normal = {60, 100};
    if (v == Vital::kSaturation && s.presentation->oxygen == "copd") normal = {89, 92};
    const bool lifted = v == Vital::kSaturation && on_oxygen;
    const int percent = improving ? random.between(55, 95)
                        : lifted  ? random.between(25, 60)
                                  : random.between(-8, 12);
    later[v] = toward(*first[v], normal, percent, random);
  }
  if (later[Vital::kSaturation]) later[Vital::kSaturation] = std::min(*later[Vital::kSaturation], 100);
  if (later[Vital::kPain]) later[Vital::kPain] = std::clamp(*later[Vital::kPain], 0, 10);
  if (later[Vital::kComa]) later[Vital::kComa] = std::clamp(*later[Vital::kComa], 3, 15);
  if (later[Vital::kSystolic]) later.diastolic = diastolic_of(*later[Vital::kSystolic], random);
}

void set_patient_flags(Scenario& s) {
  const int years = s.age_months / kMonthsOfYear;
  s.flags.insert(s.female ? "female" : "male");
  s.flags.insert(s.age_months < 24 ? "months" : "years");
  s.flags.insert(years < 16 ? "child" : "adult");
  if (s.age_months < 24) s.flags.insert("infant");
  if (years >= 70) s.flags.insert("elderly");
  if (years >= 40) s.flags.insert("over40");
  s.flags.insert(s.us ? "us" : "uk");
  s.flags.insert(s.type->name);
}

void sample_variables(Scenario& s, Random& random) {
  for (const Variable& variable : s.presentation->variables) {
    if (!variable.rows.empty()) {
      const std::vector<std::string>& row = variable.rows[random.below(variable.rows.size())];
      for (std::size_t i = 0; i < row.size(); ++i) s.variables[variable.names[i]] = row[i];
      continue;
    }
    s.variables[variable.names.front()] = number_text(variable, s, random);
  }
}

std::string number_text(const Variable& variable, const Scenario& s, Random& random) {
  using Unit = Variable::Unit;
  int tenths = random.between(variable.tenths.low, variable.tenths.high);
  const auto decimal = [](int value) { return fmt::format("{}.{}", value / 10, value % 10); };
  switch (variable.unit) {
    case Unit::kGlucose:  // mmol/L to mg/dL: 18
      return s.us ? fmt::format("{} mg/dL", tenths * 18 / 10) : decimal(tenths) + " mmol/L";
    case Unit::kCreatinine:  // µmol/L to mg/dL: 88.4
      return s.us ? decimal(tenths * 10 / 884) : std::to_string(tenths / 10);
    case Unit::kHaemoglobin:  // g/L to g/dL
      return s.us ? decimal(tenths / 10) : std::to_string(tenths / 10);
    case Unit::kPerKilogram:
      tenths *= s.weight_kg;
      break;
    case Unit::kPlain:
      if (variable.decimal) return decimal(tenths);
      break;
  }
  int whole = tenths / 10;
  whole -= whole % variable.step;
  if (whole < variable.step) whole = variable.step;
  if (variable.maximum > 0) whole = std::min(whole, variable.maximum);
  return std::to_string(whole);
}

}  // namespace epicrisis::synth::detail
