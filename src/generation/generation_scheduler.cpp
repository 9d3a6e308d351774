#include "generation/generation_scheduler.hpp"

#include <exception>
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
    if (--left_ == 0) changed_.notify_one();  // the waiting thread ends this once the lock is free
  }

  void tell(std::vector<TokenId> settled) {
    const std::lock_guard lock(mutex_);
    news_ = std::move(settled);
    changed_.notify_one();
  }

  Result<std::vector<std::vector<Hypothesis>>> wait(const SettledTokens& settled) {
    std::exception_ptr thrown;  // kept until the scheduler is done with this call
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return left_ == 0 || news_; });
      if (left_ == 0) break;
      const std::vector<TokenId> news = *std::exchange(news_, std::nullopt);
      lock.unlock();
      try {
        if (!thrown) settled(news);
      } catch (...) {
        thrown = std::current_exception();
        stop_.request_stop();
      }
      lock.lock();
    }
    if (thrown) std::rethrow_exception(thrown);
    if (failure_) return *std::move(failure_);
    return std::move(results_);
  }

 private:
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> on_stop_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<std::vector<TokenId>> news_;      // guarded by mutex_; settled tokens that were not told yet
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
    std::span<const std::vector<TokenId>> sources, const GenerationConfig& config, const CallLimits& limits,
    const SettledTokens& settled) {
  EPICRISIS_RETURN_IF_ERROR(check_request(*backend_, sources, config));
  RunningCall call(sources.size(), limits.stop);
  std::vector<BatchRequest> requests;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    auto done = [&call, i](Result<std::vector<Hypothesis>> result) { call.finish(i, std::move(result)); };
    requests.push_back({sources[i], &config, call.stop(), limits.deadline, std::move(done)});
  }
  if (settled && !requests.empty()) {
    requests.front().stepped = [&call](const Search& search) { call.tell(search.settled()); };
  }
  {
    const std::lock_guard lock(mutex_);
    arrivals_.push_back(std::move(requests));
  }
  arrived_.notify_one();
  return call.wait(settled);
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
