#pragma once

#include <span>
#include <string>
#include <vector>

#include "data/tokenised_dataset.hpp"
#include "train/report/training_report.hpp"

namespace epicrisis::train {

/// Lengths of the sources and of the targets of a split called `split` ("Training"), as in its first epoch.
/// Sources of `source_limit` tokens and targets of `target_limit` count as at the limit.
std::vector<LengthSummary> summarise_lengths(const std::string& split, const data::TokenisedDataset& examples,
                                             std::size_t source_limit, std::size_t target_limit);

}  // namespace epicrisis::train
