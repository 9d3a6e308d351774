#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/result.hpp"
#include "generation/backend.hpp"
#include "generation/continuous_batch.hpp"
#include "generation/generate.hpp"
#include "generation/generation_config.hpp"

namespace epicrisis {

/// When a call is to end early.
struct CallLimits {
  std::stop_token stop;
  std::optional<std::chrono::steady_clock::time_point> deadline;
};

/// Told what the first hypothesis is sure to begin with, prompt included; never less than before. Of greedy
/// search and sampling each token settles at once, of a beam search those that all beams share.
using SettledTokens = std::function<void(const std::vector<TokenId>& ids)>;

/// One ContinuousBatch that calls of any number of threads share, and the thread that drives it. Thread-safe.
class GenerationScheduler {
 public:
  explicit GenerationScheduler(std::shared_ptr<const Backend> backend, BatchOptions options = {});
  GenerationScheduler(const GenerationScheduler&) = delete;
  GenerationScheduler& operator=(const GenerationScheduler&) = delete;
  /// Precondition: no call is running.
  ~GenerationScheduler();

  /// What generate() gives, bit for bit, whatever else runs. Blocks; the first source that fails ends the
  /// others of its call. Errors: those of generate(), kDeadlineExceeded, kResourceExhausted for a source that
  /// the memory for caches could not hold alone.
  ///
  /// `settled`, if there is one, hears of the first source's tokens, on the calling thread. What comes while
  /// it runs is told together.
  Result<std::vector<std::vector<Hypothesis>>> generate(std::span<const std::vector<TokenId>> sources,
                                                        const GenerationConfig& config,
                                                        const CallLimits& limits = {},
                                                        const SettledTokens& settled = {});

 private:
  class RunningCall;

  void work(const std::stop_token& ending);

  const std::shared_ptr<const Backend> backend_;
  const BatchOptions options_;
  std::mutex mutex_;
  std::condition_variable_any arrived_;
  std::vector<std::vector<BatchRequest>> arrivals_;  // guarded by mutex_
  std::jthread thread_;                              // joined first: it uses the others
};

}  // namespace epicrisis
