#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/packed_batch.hpp"

namespace epicrisis::train {

/// The examples of one batch of the whole run that process `rank` of `size` takes: every example goes to one
/// process, none takes more than the batch's share of examples (so that per_device_train_batch_size holds),
/// and tokens are spread evenly, longest examples first. lengths[i]: tokens of example i. A process alone
/// takes the batch as it is.
std::vector<std::uint32_t> share_of_batch(std::span<const std::uint32_t> batch,
                                          std::span<const std::uint32_t> lengths, int rank, int size);

/// Labels of the batch that the loss is taken from.
std::size_t counted_labels(const data::PackedBatch& batch);

}  // namespace epicrisis::train
