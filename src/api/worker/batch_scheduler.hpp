#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
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
  std::string batch_key;  ///< Jobs of equal keys have equal settings; only their notes share a batch.
  std::stop_token stop;
  /// Gets the text in pieces as they settle, from a compute thread; then the job has one note and a batch of
  /// its own. May be empty.
  std::function<void(std::string_view piece)> take_piece;
  /// Called once: the texts of each note, or the first Error. From a compute thread, or from stop().
  std::function<void(Result<std::vector<Texts>>)> done;
};

struct SchedulerOptions {
  std::size_t threads = 1;          ///< Batches computed at once.
  std::size_t max_waiting = 256;    ///< Jobs that may wait; past it a job is refused.
  std::size_t max_batch_notes = 8;  ///< Notes given to the model in one call.
};

/// Computes jobs on threads of its own. A batch takes notes of the job that waits longest, and fills up with
/// notes of other jobs of the same settings. A job of many notes goes back to the end of the queue after each
/// batch, so that it does not hold up short ones. Thread-safe.
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
  struct Pending;
  struct Slice;
  using Batch = std::vector<Slice>;

  void work();
  Batch take_batch();
  static bool share_a_batch(const SummarizationJob& a, const SummarizationJob& b);
  void drop_stopped(std::vector<std::shared_ptr<Pending>>& dropped);
  void compute(const Batch& batch);
  void compute_one_by_one(const Batch& batch, const std::stop_token& stop);
  Result<std::vector<Texts>> call_service(const std::vector<ClinicalText>& notes,
                                          const TextSettings& settings, const std::stop_token& stop);
  Result<std::vector<Texts>> call_streaming(const SummarizationJob& job, const std::stop_token& stop);
  void store(const Slice& slice, std::span<Texts> results);
  void fail(const std::shared_ptr<Pending>& pending, Error error);

  const std::shared_ptr<SummarizationService> service_;
  const SchedulerOptions options_;
  std::stop_source ending_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::shared_ptr<Pending>> waiting_;  // guarded by mutex_; jobs with notes not yet in a batch
  bool closed_ = false;                           // guarded by mutex_
  std::vector<std::jthread> threads_;
};

}  // namespace epicrisis::api
