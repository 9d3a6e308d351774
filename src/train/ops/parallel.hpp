#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace epicrisis::train {

/// Runs body(task) for every task in [0, tasks) on LibTorch's threads, each taking the next one when free:
/// tasks may differ in cost, and a core may be busy with something else. Tasks must not share outputs, so
/// results do not depend on who runs what.
template <class Body>
void for_each_task(std::int64_t tasks, Body body) {
  const std::int64_t threads = std::min<std::int64_t>(at::get_num_threads(), tasks);
  if (threads <= 1) {
    for (std::int64_t task = 0; task < tasks; ++task) body(task);
    return;
  }
  std::atomic<std::int64_t> next = 0;
  at::parallel_for(0, threads, 1, [&](std::int64_t, std::int64_t) {
    for (std::int64_t task = next++; task < tasks; task = next++) body(task);
  });
}

/// body(begin, end) over [0, rows) in blocks of `block` rows.
template <class Body>
void for_each_block(std::int64_t rows, std::int64_t block, Body body) {
  for_each_task((rows + block - 1) / block,
                [&](std::int64_t task) { body(task * block, std::min(rows, (task + 1) * block)); });
}

/// A block size that gives every thread one part, in multiples of 16.
inline std::int64_t part_size(std::int64_t rows) {
  const std::int64_t threads = std::max(1, at::get_num_threads());
  return std::max<std::int64_t>(16, ((rows + threads - 1) / threads + 15) / 16 * 16);
}

/// Rows of activations handled at a time: enough to make packing of weights cheap in a matrix product, few
/// enough that what follows finds them in cache.
constexpr std::int64_t kRowBlock = 512;

/// At most kRowBlock rows, and as many blocks of them for each thread: 600 rows in blocks of 512 would keep a
/// second thread waiting.
inline std::int64_t balanced_block(std::int64_t rows) {
  const std::int64_t threads = std::max(1, at::get_num_threads());
  const std::int64_t blocks = (rows + kRowBlock * threads - 1) / (kRowBlock * threads) * threads;
  const std::int64_t share = (rows + blocks - 1) / std::max<std::int64_t>(1, blocks);
  return std::clamp<std::int64_t>((share + 15) / 16 * 16, 16, kRowBlock);
}

}  // namespace epicrisis::train
