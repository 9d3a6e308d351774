#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "synth/content.hpp"
#include "synth/random.hpp"

namespace epicrisis::synth {

/// One thing that is true of the patient, before it is worded in a note.
struct Fact {
  FactKind kind = FactKind::kFinding;
  Item::Verb verb = Item::Verb::kNone;
  std::string note;     ///< Words for the note; a vital sign's are made when it is written.
  std::string summary;  ///< Words for the summary; empty when it never belongs there.
  int minutes = 0;      ///< When it was done, from midnight; may pass 24 h.
  Vital vital = Vital::kHeartRate;
  int reading = 0;  ///< 0 the first set of vital signs, 1 the later one.
};

/// A set of vital signs; an empty place was not measured.
struct Reading {
  std::array<std::optional<int>, kVitals> values;
  int diastolic = 0;
  std::optional<int>& operator[](Vital v) { return values[static_cast<std::size_t>(v)]; }
  const std::optional<int>& operator[](Vital v) const { return values[static_cast<std::size_t>(v)]; }
};

/// The patient, the course and the writer of one note: all that is decided before the first word.
struct Scenario {
  const Presentation* presentation = nullptr;
  const NoteType* type = nullptr;
  const AgeBand* band = nullptr;
  int age_months = 0;
  bool female = false;
  int weight_kg = 0;
  bool us = false;      ///< American names and units.
  int clock_style = 0;  ///< 0830, 08:30, 8.30am, ...
  std::set<std::string, std::less<>> flags;
  std::map<std::string, std::string, std::less<>> variables;
  std::vector<Fact> facts;  ///< Grouped by kind; actions in the order of their times.
  std::array<Reading, 2> readings;
  bool has_later = false;
  std::string oxygen;  ///< Device in use at the later reading; empty for room air.
  int start_minutes = 0;
  int later_minutes = 0;
  int end_minutes = 0;

  bool has_flag(std::string_view name) const { return flags.contains(name); }
  /// Words for a slot that any text may use; empty when the name is none of those.
  std::optional<std::string> fill(std::string_view slot, Random& random) const;
  std::string clock(int minutes) const;
};

/// True when all of `conditions` hold; a fact kind or vital sign is counted by `count`.
bool holds(const std::vector<Condition>& conditions, const Scenario& scenario);

/// Draws patient, vital signs, timeline and facts for one note. Deterministic in `random`.
Scenario sample_scenario(const Content& content, const Presentation& presentation, const NoteType& type,
                         Random& random);

/// The value of a vital sign as a note of this scenario prints it ("84/50", "38.4", "101.1").
std::string vital_text(const Scenario& scenario, Vital vital, int reading);

}  // namespace epicrisis::synth
