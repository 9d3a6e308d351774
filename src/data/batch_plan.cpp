#include "data/batch_plan.hpp"

#include <algorithm>
#include <numeric>

#include "data/random_stream.hpp"

namespace epicrisis::data {
namespace {

Batches fill(std::span<const std::uint32_t> order, std::span<const std::uint32_t> lengths,
             const BatchOptions& options) {
  Batches batches;
  std::vector<std::uint32_t> batch;
  std::size_t tokens = 0;
  const auto close = [&] {
    if (!batch.empty()) batches.push_back(std::move(batch));
    batch.clear();
    tokens = 0;
  };
  for (const std::uint32_t index : order) {
    const bool full = options.tokens_per_batch > 0 ? tokens + lengths[index] > options.tokens_per_batch
                                                   : batch.size() >= options.batch_size;
    if (full) close();
    batch.push_back(index);
    tokens += lengths[index];
  }
  close();
  return batches;
}

std::vector<std::uint32_t> in_order(std::size_t count) {
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0U);
  return order;
}

/// Sorts within stretches of this many examples: alike enough lengths, yet another mix in every epoch.
constexpr std::size_t kStretch = 1024;

}  // namespace

Batches plan_batches(std::span<const std::uint32_t> lengths, const BatchOptions& options, std::uint64_t seed,
                     std::uint64_t epoch) {
  RandomStream random(seed, epoch, 0xBA7C4);
  std::vector<std::uint32_t> order = in_order(lengths.size());
  random.shuffle(order);
  if (!options.group_by_length) return fill(order, lengths, options);
  for (std::size_t begin = 0; begin < order.size(); begin += kStretch)
    std::stable_sort(order.begin() + static_cast<std::ptrdiff_t>(begin),
                     order.begin() + static_cast<std::ptrdiff_t>(std::min(order.size(), begin + kStretch)),
                     [&](std::uint32_t a, std::uint32_t b) { return lengths[a] > lengths[b]; });
  Batches batches = fill(order, lengths, options);
  random.shuffle(batches);
  return batches;
}

Batches plan_batches_in_order(std::span<const std::uint32_t> lengths, const BatchOptions& options) {
  return fill(in_order(lengths.size()), lengths, options);
}

}  // namespace epicrisis::data
