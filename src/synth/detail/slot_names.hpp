#pragma once

#include <array>
#include <string_view>

namespace epicrisis::synth::detail {

/// Slots that any text of the data file may use; see Scenario::fill. "n:2-5" is a number in a range.
inline constexpr auto kPatientSlots =
    std::to_array<std::string_view>({"age", "sex.letter", "sex.word", "person", "he", "him", "his", "kg",
                                     "time0", "time1", "now", "later.time", "n", "letter"});

/// Slots of the grammar; see NoteWriter::fill. A fact kind may carry a count ("findings:2").
inline constexpr auto kNoteSlots = std::to_array<std::string_view>(
    {"reason",   "dx",           "findings",    "denies",  "history",     "meds",
     "allergy",  "done",         "done.timed",  "pending", "plan",        "response",
     "care",     "vitals",       "vitals2",     "hr",      "bp",          "rr",
     "spo2",     "temp",         "pain",        "gcs",     "bg",          "oxygen",
     "x",        "time",         "sum.reason",  "sum.dx",  "sum.history", "sum.findings",
     "sum.done", "sum.response", "sum.pending", "sum.plan"});

/// Flags that the state of a note may set, beside note types, systems, fact kinds and presentation flags.
inline constexpr auto kNoteFlags = std::to_array<std::string_view>(
    {"male",     "female", "years",      "months",    "child", "infant",    "adult",    "elderly",
     "uk",       "us",     "good",       "poor",      "later", "oxygen",    "bp",       "temp",
     "sreason",  "sdx",    "shistory",   "sfindings", "sdone", "sresponse", "spending", "splan",
     "pressure", "over40", "fahrenheit", "day",       "night"});

/// Rules that the program expands itself.
inline constexpr auto kRulesCalledByName = std::to_array<std::string_view>(
    {"act.plain", "act.given", "act.started", "act.timed", "join.last", "join.mid", "join.denies",
     "vitals.line", "vitals2.line", "summary", "oxygen.act", "join.act", "join.line", "oxygen.words"});

}  // namespace epicrisis::synth::detail
