#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "synth/template_text.hpp"

namespace epicrisis::synth {

/// What a fact of a note says.
enum class FactKind {
  kReason,     ///< Why the patient is here.
  kDiagnosis,  ///< The working or confirmed diagnosis.
  kFinding,
  kDenied,   ///< What the patient denies or is not found.
  kHistory,  ///< Past history, with the home drug that goes with it.
  kMedication,
  kAllergy,
  kDone,     ///< An action carried out.
  kPending,  ///< A result or step awaited.
  kPlan,     ///< What is to be done.
  kResponse,
  kCare,   ///< Routine care; never in a summary.
  kVital,  ///< A measured value.
};
inline constexpr std::size_t kFactKinds = 13;

/// Name of the kind in the facts column, and of its slot in the grammar.
std::string_view to_string(FactKind kind) noexcept;
std::optional<FactKind> fact_kind(std::string_view name) noexcept;

/// Measured values. Temperature and glucose are held in tenths (°C, mmol/L).
enum class Vital {
  kHeartRate,
  kSystolic,
  kRespiratoryRate,
  kSaturation,
  kTemperature,
  kPain,
  kComa,
  kGlucose
};
inline constexpr std::size_t kVitals = 8;
std::optional<Vital> vital(std::string_view name) noexcept;
std::string_view to_string(Vital vital) noexcept;

struct Range {
  int low = 0;
  int high = 0;
  bool contains(int value) const noexcept { return value >= low && value <= high; }
};
using VitalRanges = std::array<std::optional<Range>, kVitals>;

/// One thing a note may say, as the data file gives it: "@conditions *+note text => summary text".
struct Item {
  enum class Verb { kNone, kGiven, kStarted };
  std::vector<Condition> conditions;
  bool always = false;           ///< '*': in every note whose conditions hold.
  Verb verb = Verb::kNone;       ///< '+' a drug given, '~' something started: the grammar adds the verb.
  bool in_summary = false;       ///< Has a "=>".
  bool summary_as_note = false;  ///< "=> .": the summary says it in the note's words.
  Template note;
  Template summary;
  std::vector<Template> medications;  ///< History items: "condition | drug / drug".
};

/// A value drawn once per note: one row of `rows`, or a number.
struct Variable {
  enum class Unit { kPlain, kGlucose, kCreatinine, kHaemoglobin, kPerKilogram };
  std::vector<std::string> names;              ///< More than one when they vary together.
  std::vector<std::vector<std::string>> rows;  ///< Empty for a number.
  Unit unit = Unit::kPlain;
  Range tenths;  ///< Bounds of a number, or the dose per kilogram in `low`, in tenths.
  bool decimal = false;
  int step = 1;
  int maximum = 0;  ///< Per-kilogram doses stop here; 0 for no limit.
};

enum class Sex { kAny, kFemale, kMale };

struct Presentation {
  std::string id;
  std::string source;
  bool held_out = false;
  std::vector<std::string> note_types;
  Range age_months;
  Sex sex = Sex::kAny;
  std::set<std::string> flags;      ///< Set for this presentation ("diabetes").
  std::set<std::string> off_flags;  ///< Systems of which routine care says nothing ("-gu").
  std::string oxygen;               ///< Name of the oxygen table; empty for the default of the age.
  std::vector<Variable> variables;
  VitalRanges vitals;
  VitalRanges alerts;  ///< Overrides of the age's alert ranges.
  std::array<std::vector<Item>, kFactKinds> items;
  std::vector<Item> good;
  std::vector<Item> poor;
};

/// How many facts of each kind a type of note holds.
struct NoteType {
  std::string name;
  std::array<Range, kFactKinds> counts;
  int later_percent = 0;     ///< Chance of a second set of vitals.
  int response_percent = 0;  ///< Chance that the response to treatment is known.
  Range gap_minutes;         ///< Between one action and the next.
};

/// Vital sign ranges of one age band.
struct AgeBand {
  int below_months = 0;
  VitalRanges normal;
  VitalRanges alert;  ///< Outside it, a value belongs in a handover.
};

struct OxygenStep {
  int below_percent = 0;
  Template device;
};

struct Allergy {
  int weight = 1;
  Template text;
  std::vector<std::string> drugs;  ///< Substrings of drugs this patient must not get.
};

struct Production {
  std::vector<Condition> conditions;
  int weight = 1;
  std::vector<Template> segments;  ///< One, or several written in any order.
  std::string separator = " ";
  bool held_out = false;
};
using Rules = std::map<std::string, std::vector<Production>, std::less<>>;

/// Phrase (lower case, or as written when it has a capital) -> alternatives, of which a note uses one.
using PhraseMap = std::map<std::string, std::vector<std::string>, std::less<>>;

/// How many facts of each kind a summary may hold.
struct SummaryPolicy {
  int findings = 2;
  int vitals = 2;
  int done = 3;
  int pending = 2;
  int max_words = 36;
};

/// Everything the generator knows, read from the data folder.
struct Content {
  std::vector<Presentation> presentations;
  std::vector<NoteType> note_types;
  std::vector<AgeBand> age_bands;
  std::map<std::string, std::vector<OxygenStep>, std::less<>> oxygen;
  std::vector<Allergy> allergies;
  std::vector<Item> comorbidities;
  std::vector<Item> care;
  std::set<std::string> flags;    ///< Flags that presentations may set.
  std::set<std::string> systems;  ///< Flags that are on unless a presentation turns them off.
  SummaryPolicy policy;
  Rules rules;
  std::set<std::string, std::less<>> memo_rules;  ///< Rules whose choice holds for the whole note.
  PhraseMap us_words;
  PhraseMap shorthand;
  std::set<std::string, std::less<>> never_mistyped;

  const NoteType* note_type(std::string_view name) const noexcept;
};

}  // namespace epicrisis::synth
