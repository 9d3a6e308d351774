#pragma once

#include "checkpoint/families/family.hpp"
#include "checkpoint/inspection.hpp"
#include "checkpoint/weights.hpp"

namespace epicrisis::detail {

/// Holds the tensors of the files against the parameters of the family, and adds to `findings` all that is
/// missing, has no place, does not fit, or is odd.
TensorInspection inspect_tensors(const Weights& weights, const Family& family,
                                 const Architecture& architecture, Findings& findings);

MemoryEstimate estimate_memory(const Family& family, const Architecture& architecture);

}  // namespace epicrisis::detail
