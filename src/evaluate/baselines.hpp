#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "evaluate/comparison.hpp"

namespace epicrisis::evaluate {

/// Summaries that cost nothing, for the same table as a model's: what it must beat to be worth running.
/// "copy of the note", "first sentence" and "first two sentences" of each note (lead_sentences.hpp).
std::vector<SystemOutput> note_baselines(std::span<const std::string> notes);

/// Baselines that have seen training data: "best constant" (constant_baseline.hpp) and "nearest note", the
/// summary of the training note most like each one (nearest_note.hpp).
/// Preconditions: as many training summaries as notes, at least one. `on_note(done)` reports progress.
std::vector<SystemOutput> training_baselines(std::span<const std::string> notes,
                                             std::span<const std::string> training_notes,
                                             std::span<const std::string> training_summaries,
                                             const RougeOptions& options,
                                             const std::function<void(std::size_t)>& on_note = {});

}  // namespace epicrisis::evaluate
