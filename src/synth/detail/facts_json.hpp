#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "synth/realiser.hpp"
#include "synth/scenario.hpp"

namespace epicrisis::synth::detail {

struct RealisedNote {
  std::string_view note;
  std::string_view summary;
  const std::vector<FactSpan>& in_note;
  const std::vector<FactSpan>& in_summary;
  std::size_t typos;
};

/// The facts column: docs/formats/synth.md.
std::string facts_json(const Scenario& scenario, const RealisedNote& realised);

}  // namespace epicrisis::synth::detail
