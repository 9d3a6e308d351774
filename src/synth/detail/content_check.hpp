#pragma once

#include "base/result.hpp"
#include "synth/content.hpp"

namespace epicrisis::synth::detail {

/// Every slot a template names can be filled and every condition can be met, so that no note is ever written
/// with a hole. Errors: kCorrupt naming the entry and the slot or condition.
Result<void> check_content(const Content& content);

/// Marks a third of all productions as held out: within a rule, among productions with the same conditions,
/// never all of them. Which ones follows from their text, not from their place. The rules of the summary
/// ("sum…") are exempt: how a summary is worded cannot be learnt from a note.
void hold_out_productions(Rules& rules);

}  // namespace epicrisis::synth::detail
