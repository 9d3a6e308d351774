#include "train/distributed/batch_share.hpp"

#include <algorithm>

namespace epicrisis::train {

std::vector<std::uint32_t> share_of_batch(std::span<const std::uint32_t> batch,
                                          std::span<const std::uint32_t> lengths, int rank, int size) {
  std::vector<std::uint32_t> order(batch.begin(), batch.end());
  if (size == 1) return order;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return lengths[a] > lengths[b]; });
  const auto processes = static_cast<std::size_t>(size);
  const std::size_t most = (batch.size() + processes - 1) / processes;
  std::vector<std::vector<std::uint32_t>> shares(processes);
  std::vector<std::uint64_t> tokens(processes, 0);
  for (const std::uint32_t index : order) {
    std::size_t least = 0;
    while (shares[least].size() == most) ++least;
    for (std::size_t other = least + 1; other < processes; ++other)
      if (shares[other].size() < most && tokens[other] < tokens[least]) least = other;
    shares[least].push_back(index);
    tokens[least] += lengths[index];
  }
  return shares[static_cast<std::size_t>(rank)];
}

std::size_t counted_labels(const data::PackedBatch& batch) {
  return batch.labels.size() -
         static_cast<std::size_t>(std::count(batch.labels.begin(), batch.labels.end(), data::kIgnoredLabel));
}

}  // namespace epicrisis::train
