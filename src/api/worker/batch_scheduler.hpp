#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <string_view>
#include <thread>
#include <vector>

#include "api/worker/summarization_service.hpp"
#include "base/clinical_text.hpp"
#include "base/result.hpp"
#include "summarize/text_settings.hpp"

namespace epicrisis::api {

/// A request's share of the model: its notes and what to do with their summaries.
struct SummarizationJob {
  std::vector<ClinicalText> notes;
  TextSettings settings;
  std::stop_token stop;
  /// Gets the text in pieces as they settle, from a compute thread; then the job has one note. May be empty.
  std::function<void(std::string_view piece)> take_piece;
  /// Called once: the texts of each note, or the first Error. From a compute thread, or from stop().
  std::function<void(Result<std::vector<Texts>>)> done;
};

struct SchedulerOptions {
  std::size_t max_running = 64;   ///< Jobs computed at once.
  std::size_t max_waiting = 256;  ///< Jobs that may wait; past it a job is refused.
};

/// Hands jobs to the model, several at once, each on a thread of its own that waits for the outcome. The
/// service computes all of them in one batch, which notes join and leave at any step (GenerationScheduler),
/// so neither settings nor length of a job hold up another. Thread-safe.
class BatchScheduler {
 public:
  BatchScheduler(std::shared_ptr<SummarizationService> service, SchedulerOptions options);
  BatchScheduler(const BatchScheduler&) = delete;
  BatchScheduler& operator=(const BatchScheduler&) = delete;
  /// stop().
  ~BatchScheduler();

  /// False, and `done` is not called, when the queue is full or the scheduler stopped.
  bool try_submit(SummarizationJob job);
  bool is_full() const;
  /// Cancels what runs and what waits, and joins the threads. From outside them; again does nothing.
  void stop();

 private:
  void work();
  void compute(SummarizationJob job);
  Result<std::vector<Texts>> call_streaming(const SummarizationJob& job, const std::stop_token& stop);
  Error blame_a_note(const SummarizationJob& job, Error error, const std::stop_token& stop);
  Result<std::vector<Texts>> call_service(std::span<const ClinicalText> notes, const TextSettings& settings,
                                          const std::stop_token& stop);

  const std::shared_ptr<SummarizationService> service_;
  const SchedulerOptions options_;
  std::stop_source ending_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<SummarizationJob> waiting_;  // guarded by mutex_
  bool closed_ = false;                   // guarded by mutex_
  std::vector<std::jthread> threads_;
};

}  // namespace epicrisis::api
