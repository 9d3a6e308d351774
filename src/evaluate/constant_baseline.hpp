#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "evaluate/rouge.hpp"

namespace epicrisis::evaluate {

/// Bounds on the search for the best constant summary; a smaller training set is searched whole.
struct ConstantSearch {
  std::size_t screening_summaries = 500;  ///< References for the first look at every candidate.
  std::size_t shortlist = 200;            ///< Candidates that get the second look.
  std::size_t final_summaries = 2000;     ///< References for the second look.
  std::uint64_t seed = 1;                 ///< Which references are drawn.
};

/// Index of the training summary that, given for every note, scores best on the training summaries: highest
/// mean of ROUGE-1, ROUGE-2 and ROUGE-L F1, the earliest of equals. Every distinct summary is a candidate;
/// those with the highest mean ROUGE-1 over a sample are compared in full over a larger one.
/// Precondition: at least one summary. O(candidates x screening_summaries) short comparisons.
std::size_t best_constant_summary(RougeScorer& scorer, std::span<const std::string> summaries,
                                  const ConstantSearch& bounds = {});

}  // namespace epicrisis::evaluate
