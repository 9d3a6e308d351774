#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace epicrisis::data::detail {

/// body(i) for every i in [0, count), on all cores: a corpus takes a minute to tokenize on one.
template <class Body>
void parallel_for(std::size_t count, Body body) {
  constexpr std::size_t kChunk = 64;
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t begin = next.fetch_add(kChunk); begin < count; begin = next.fetch_add(kChunk))
      for (std::size_t i = begin; i < std::min(count, begin + kChunk); ++i) body(i);
  };
  std::vector<std::jthread> threads;
  for (unsigned i = 1; i < std::thread::hardware_concurrency() && count > i * kChunk; ++i)
    threads.emplace_back(work);
  work();
}

}  // namespace epicrisis::data::detail
