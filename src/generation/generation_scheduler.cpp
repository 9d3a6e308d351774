#include "generation/generation_scheduler.hpp"

#include <utility>

#include "base/log.hpp"
#include "generation/generation_request.hpp"

namespace epicrisis {

/// A call while its thread waits for it. The scheduler's thread calls finish() for each source.
class GenerationScheduler::RunningCall {
 public:
  RunningCall(std::size_t sources, const std::stop_token& stop)
      : on_stop_(stop, [this] { stop_.request_stop(); }), left_(sources), results_(sources) {}

  std::stop_token stop() const { return stop_.get_token(); }

  void finish(std::size_t source, Result<std::vector<Hypothesis>> result) {
    bool failed = false;
    {
      const std::lock_guard lock(mutex_);
      if (result) {
        results_[source] = std::move(*result);
      } else if (!failure_) {
        failure_ = std::move(result).error();
        failed = true;
      }
    }
    if (failed) stop_.request_stop();
    const std::lock_guard lock(mutex_);
    if (--left_ == 0) finished_.notify_one();  // the waiting thread ends this once the lock is free
  }

  Result<std::vector<std::vector<Hypothesis>>> wait() {
    std::unique_lock lock(mutex_);
    finished_.wait(lock, [this] { return left_ == 0; });
    if (failure_) return *std::move(failure_);
    return std::move(results_);
  }

 private:
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> on_stop_;
  std::mutex mutex_;
  std::condition_variable finished_;
  std::size_t left_;                              // guarded by mutex_
  std::optional<Error> failure_;                  // guarded by mutex_; the first
  std::vector<std::vector<Hypothesis>> results_;  // guarded by mutex_
};

GenerationScheduler::GenerationScheduler(std::shared_ptr<const Backend> backend, BatchOptions options)
    : backend_(std::move(backend)),
      options_(options),
      thread_([this](const std::stop_token& ending) { work(ending); }) {}

GenerationScheduler::~GenerationScheduler() = default;

Result<std::vector<std::vector<Hypothesis>>> GenerationScheduler::generate(
    std::span<const std::vector<TokenId>> sources, const GenerationConfig& config, const CallLimits& limits) {
  EPICRISIS_RETURN_IF_ERROR(check_request(*backend_, sources, config));
  RunningCall call(sources.size(), limits.stop);
  std::vector<BatchRequest> requests;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    auto done = [&call, i](Result<std::vector<Hypothesis>> result) { call.finish(i, std::move(result)); };
    requests.push_back({sources[i], &config, call.stop(), limits.deadline, std::move(done)});
  }
  {
    const std::lock_guard lock(mutex_);
    arrivals_.push_back(std::move(requests));
  }
  arrived_.notify_one();
  return call.wait();
}

void GenerationScheduler::work(const std::stop_token& ending) {
  ContinuousBatch batch(*backend_, options_);
  while (true) {
    std::vector<std::vector<BatchRequest>> arrivals;
    {
      std::unique_lock lock(mutex_);
      if (batch.is_idle()) arrived_.wait(lock, ending, [this] { return !arrivals_.empty(); });
      if (ending.stop_requested()) return;
      arrivals.swap(arrivals_);
    }
    try {
      for (auto& call : arrivals) batch.add(std::move(call));
      batch.turn();
    } catch (...) {  // what() may hold text of a note
      log::error("generation.failed");
      batch.fail_all({ErrorCode::kInternal, "The model failed.", ""});
    }
  }
}

}  // namespace epicrisis
