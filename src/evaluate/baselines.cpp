#include "evaluate/baselines.hpp"

#include "base/check.hpp"
#include "evaluate/constant_baseline.hpp"
#include "evaluate/lead_sentences.hpp"
#include "evaluate/nearest_note.hpp"

namespace epicrisis::evaluate {

std::vector<SystemOutput> note_baselines(std::span<const std::string> notes) {
  SystemOutput copy{.system = "copy of the note", .predictions = {notes.begin(), notes.end()}};
  SystemOutput first{.system = "first sentence", .predictions = {}};
  SystemOutput first_two{.system = "first two sentences", .predictions = {}};
  for (const std::string& note : notes) {
    first.predictions.push_back(first_sentences(note, 1));
    first_two.predictions.push_back(first_sentences(note, 2));
  }
  return {std::move(copy), std::move(first), std::move(first_two)};
}

std::vector<SystemOutput> training_baselines(std::span<const std::string> notes,
                                             std::span<const std::string> training_notes,
                                             std::span<const std::string> training_summaries,
                                             const RougeOptions& options,
                                             const std::function<void(std::size_t)>& on_note) {
  EPICRISIS_CHECK(!training_notes.empty() && training_notes.size() == training_summaries.size());
  RougeScorer scorer(options);
  const std::string& constant = training_summaries[best_constant_summary(scorer, training_summaries)];
  SystemOutput best_constant{.system = "best constant",
                             .predictions = std::vector<std::string>(notes.size(), constant)};
  const NearestNote index(training_notes);
  SystemOutput nearest{.system = "nearest note", .predictions = {}};
  for (const std::string& note : notes) {
    nearest.predictions.push_back(training_summaries[index.find(note)]);
    if (on_note) on_note(nearest.predictions.size());
  }
  return {std::move(best_constant), std::move(nearest)};
}

}  // namespace epicrisis::evaluate
