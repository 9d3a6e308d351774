#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace epicrisis::data::detail {

/// body(i) for every i in [0, count), on all cores: a corpus takes a minute to tokenize on one. What body
/// throws first ends the work and is thrown again here.
template <class Body>
void parallel_for(std::size_t count, Body body) {
  constexpr std::size_t kChunk = 64;
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr first;  // guarded by mutex
  const auto work = [&] {
    try {
      for (std::size_t begin = next.fetch_add(kChunk); begin < count; begin = next.fetch_add(kChunk))
        for (std::size_t i = begin; i < std::min(count, begin + kChunk); ++i) body(i);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!first) first = std::current_exception();
      next = count;
    }
  };
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 1; i < std::thread::hardware_concurrency() && count > i * kChunk; ++i)
      threads.emplace_back(work);
    work();
  }
  if (first) std::rethrow_exception(first);
}

}  // namespace epicrisis::data::detail
