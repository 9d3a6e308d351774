#pragma once

#include <span>
#include <string>

#include "train/report/training_report.hpp"

namespace epicrisis::train {

/// Examples one below the other: the note, then reference, output before and output after side by side: HTML.
/// Heading numbers begin at level 4; `list_id` makes their ids unique in the page.
std::string report_examples(std::span<const ReportedExample> examples, const std::string& list_id);

}  // namespace epicrisis::train
