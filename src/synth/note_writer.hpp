#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "synth/scenario.hpp"

namespace epicrisis::synth {

/// Which productions a note may use.
enum class Productions { kTrain, kHeldOut };

/// Words a scenario by the grammar. Facts are told once each, marked (see realiser.hpp), and remembered: a
/// summary may only say what was told.
class NoteWriter {
 public:
  /// All referred objects outlive the writer.
  NoteWriter(const Content& content, const Scenario& scenario, Productions productions, Random& random);

  /// The note, with marks, before realisation.
  std::string write();

  /// The summary, with marks, made of facts told by write(): in the order and number of SummaryPolicy.
  std::string summarise();

  /// How often a held-out production was chosen so far.
  std::size_t held_out_productions() const noexcept { return held_out_productions_; }

 private:
  std::string expand_rule(std::string_view name);
  std::string expand(const Production& production);
  const Production& choose(const std::vector<Production>& productions);
  bool holds(const std::vector<Condition>& conditions) const;
  std::string fill(std::string_view slot);
  std::string tell(FactKind kind, int at_most, bool timed);
  std::string tell_one(std::size_t fact, bool timed);
  std::string join(const std::vector<std::string>& parts, std::string_view mid, std::string_view last);
  std::string measure(Vital vital);
  std::vector<std::size_t> untold(FactKind kind) const;

  void choose_for_summary();
  /// "Head injury, minor head injury": keeps the one that says more.
  void drop_repetition(std::vector<std::size_t>& reason, std::vector<std::size_t>& diagnosis) const;
  std::string say_vital(std::size_t fact);
  std::string say(FactKind kind);
  int severity(std::size_t fact) const;

  const Content& content_;
  const Scenario& s_;
  Productions productions_;
  Random& random_;
  std::vector<bool> told_;
  std::map<std::string, const Production*, std::less<>> remembered_;
  std::string act_;  ///< The words of the action being told.
  std::string act_time_;
  int reading_ = 0;
  std::size_t held_out_productions_ = 0;
  std::map<FactKind, std::vector<std::size_t>> selected_;  ///< For the summary.
  std::set<std::string, std::less<>> summary_flags_;
};

}  // namespace epicrisis::synth
