#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace epicrisis::data {

/// How examples become batches.
struct BatchOptions {
  std::size_t batch_size = 8;        ///< Examples a batch, when tokens_per_batch is 0.
  std::size_t tokens_per_batch = 0;  ///< Fill batches up to so many tokens instead.
  bool group_by_length = false;      ///< Put examples of similar length together.
};

using Batches = std::vector<std::vector<std::uint32_t>>;

/// Every example once, in an order that (seed, epoch) settles. lengths[i]: tokens of example i.
Batches plan_batches(std::span<const std::uint32_t> lengths, const BatchOptions& options, std::uint64_t seed,
                     std::uint64_t epoch);
/// The same in the order given, for evaluation.
Batches plan_batches_in_order(std::span<const std::uint32_t> lengths, const BatchOptions& options);

}  // namespace epicrisis::data
