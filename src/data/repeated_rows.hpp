#pragma once

#include <cstdint>
#include <vector>

#include "data/prepared_split.hpp"

namespace epicrisis::data {

/// An example whose note stood in an earlier one. Places are indices in their splits.
struct RepeatedRow {
  std::uint32_t index = 0;
  std::uint32_t earlier = 0;  ///< The first example with the same note; where there is one, also summary.
  bool same_summary = false;
};

/// Examples of `split` whose note an earlier example of it has, by index. Takes 4 bytes an example.
std::vector<RepeatedRow> repeats_within(const PreparedSplit& split);
/// Examples of `validation` whose note is in `train`, by index; `earlier` counts there.
std::vector<RepeatedRow> repeats_across(const PreparedSplit& train, const PreparedSplit& validation);

}  // namespace epicrisis::data
