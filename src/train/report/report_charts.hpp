#pragma once

#include <string>
#include <vector>

#include "base/json.hpp"

namespace epicrisis::train {

/// Loss, ROUGE, learning rate, gradient norm, memory and speed over steps, from the lines of metrics.jsonl:
/// HTML. A chart without a point is left out.
std::string report_charts(const std::vector<Json>& metrics);

}  // namespace epicrisis::train
