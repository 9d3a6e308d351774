#include "api/worker/batch_scheduler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <span>
#include <utility>

#include "base/log.hpp"

namespace epicrisis::api {

/// A job between its acceptance and its answer. The mutex of the scheduler guards all but `job.settings`,
/// `job.stop` and the notes, which do not change.
struct BatchScheduler::Pending {
  SummarizationJob job;
  std::size_t taken = 0;     ///< Notes that went into a batch.
  std::size_t finished = 0;  ///< Notes with a result.
  std::vector<Texts> results;
  bool answered = false;
};

/// Notes [begin, end) of a job, in one batch.
struct BatchScheduler::Slice {
  std::shared_ptr<Pending> pending;
  std::size_t begin = 0;
  std::size_t end = 0;
};

namespace {

Error cancelled() { return {ErrorCode::kCancelled, "The request was cancelled.", ""}; }

/// Requests stop of a batch once every job in it was stopped, or the scheduler ends.
class BatchStop {
 public:
  BatchStop(const std::vector<std::stop_token>& jobs, const std::stop_token& ending) : running_(jobs.size()) {
    for (const std::stop_token& job : jobs) {
      callbacks_.push_back(std::make_unique<Callback>(job, [this] {
        if (--running_ == 0) source_.request_stop();
      }));
    }
    callbacks_.push_back(std::make_unique<Callback>(ending, [this] { source_.request_stop(); }));
  }
  std::stop_token token() const { return source_.get_token(); }

 private:
  using Callback = std::stop_callback<std::function<void()>>;
  std::atomic<std::size_t> running_;
  std::stop_source source_;
  std::vector<std::unique_ptr<Callback>> callbacks_;  // destroyed first: they use the others
};

}  // namespace

BatchScheduler::BatchScheduler(std::shared_ptr<SummarizationService> service, SchedulerOptions options)
    : service_(std::move(service)), options_(options) {
  for (std::size_t i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { work(); });
}

BatchScheduler::~BatchScheduler() { stop(); }

bool BatchScheduler::try_submit(SummarizationJob job) {
  auto pending = std::make_shared<Pending>();
  pending->results.resize(job.notes.size());
  pending->job = std::move(job);
  if (pending->job.notes.empty()) {
    pending->job.done(std::vector<Texts>());
    return true;
  }
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || waiting_.size() >= options_.max_waiting) return false;
    waiting_.push_back(std::move(pending));
  }
  ready_.notify_one();
  return true;
}

bool BatchScheduler::is_full() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size() >= options_.max_waiting;
}

void BatchScheduler::stop() {
  std::deque<std::shared_ptr<Pending>> unserved;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    unserved.swap(waiting_);
  }
  ending_.request_stop();
  ready_.notify_all();
  for (const std::shared_ptr<Pending>& pending : unserved) fail(pending, cancelled());
  threads_.clear();  // joins
}

void BatchScheduler::work() {
  while (true) {
    std::vector<std::shared_ptr<Pending>> dropped;
    Batch batch;
    {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [this] { return closed_ || !waiting_.empty(); });
      if (closed_) return;
      drop_stopped(dropped);
      batch = take_batch();
      if (!waiting_.empty()) ready_.notify_one();
    }
    for (const std::shared_ptr<Pending>& pending : dropped) fail(pending, cancelled());
    if (!batch.empty()) compute(batch);
  }
}

/// Takes jobs nobody waits for any more out of the queue. With mutex_ held.
void BatchScheduler::drop_stopped(std::vector<std::shared_ptr<Pending>>& dropped) {
  const auto is_live = [](const std::shared_ptr<Pending>& pending) {
    return !pending->answered && !pending->job.stop.stop_requested();
  };
  const auto live_end = std::stable_partition(waiting_.begin(), waiting_.end(), is_live);
  std::move(live_end, waiting_.end(), std::back_inserter(dropped));
  waiting_.erase(live_end, waiting_.end());
}

bool BatchScheduler::share_a_batch(const SummarizationJob& a, const SummarizationJob& b) {
  return !a.take_piece && !b.take_piece && a.batch_key == b.batch_key;
}

/// With mutex_ held.
BatchScheduler::Batch BatchScheduler::take_batch() {
  Batch batch;
  std::size_t room = options_.max_batch_notes;
  std::deque<std::shared_ptr<Pending>> passed_over;
  std::deque<std::shared_ptr<Pending>> unfinished;
  while (!waiting_.empty() && room > 0) {
    std::shared_ptr<Pending> pending = std::move(waiting_.front());
    waiting_.pop_front();
    if (!batch.empty() && !share_a_batch(pending->job, batch.front().pending->job)) {
      passed_over.push_back(std::move(pending));
      continue;
    }
    const std::size_t count = std::min(room, pending->job.notes.size() - pending->taken);
    batch.push_back({pending, pending->taken, pending->taken + count});
    pending->taken += count;
    room -= count;
    if (pending->taken < pending->job.notes.size()) unfinished.push_back(std::move(pending));
  }
  waiting_.insert(waiting_.begin(), passed_over.begin(), passed_over.end());
  waiting_.insert(waiting_.end(), unfinished.begin(), unfinished.end());
  return batch;
}

void BatchScheduler::compute(const Batch& batch) {
  std::vector<ClinicalText> notes;
  std::vector<std::stop_token> stops;
  for (const Slice& slice : batch) {
    const std::vector<ClinicalText>& of_job = slice.pending->job.notes;
    notes.insert(notes.end(), of_job.begin() + static_cast<std::ptrdiff_t>(slice.begin),
                 of_job.begin() + static_cast<std::ptrdiff_t>(slice.end));
    stops.push_back(slice.pending->job.stop);
  }
  const BatchStop stop(stops, ending_.get_token());
  const SummarizationJob& first = batch.front().pending->job;
  Result<std::vector<Texts>> results = first.take_piece ? call_streaming(first, stop.token())
                                                        : call_service(notes, first.settings, stop.token());
  if (!results) {
    if (notes.size() > 1 && !stop.token().stop_requested()) return compute_one_by_one(batch, stop.token());
    for (const Slice& slice : batch) fail(slice.pending, results.error());
    return;
  }
  std::size_t offset = 0;
  for (const Slice& slice : batch) {
    store(slice, std::span(*results).subspan(offset, slice.end - slice.begin));
    offset += slice.end - slice.begin;
  }
}

/// One note the model cannot take must fail its own request only, and be named.
void BatchScheduler::compute_one_by_one(const Batch& batch, const std::stop_token& stop) {
  for (const Slice& slice : batch) {
    const SummarizationJob& job = slice.pending->job;
    for (std::size_t i = slice.begin; i < slice.end; ++i) {
      Result<std::vector<Texts>> result = job.stop.stop_requested()
                                              ? Result<std::vector<Texts>>(cancelled())
                                              : call_service({job.notes[i]}, job.settings, stop);
      if (!result) {
        Error error = std::move(result).error();
        if (job.notes.size() > 1) {
          error.public_message = fmt::format("'inputs[{}]': {}", i, error.public_message);
        }
        fail(slice.pending, std::move(error));
        break;
      }
      store({slice.pending, i, i + 1}, *result);
    }
  }
}

Result<std::vector<Texts>> BatchScheduler::call_service(const std::vector<ClinicalText>& notes,
                                                        const TextSettings& settings,
                                                        const std::stop_token& stop) {
  try {
    Result<std::vector<Texts>> results = service_->summarize(notes, settings, stop);
    EPICRISIS_CHECK(!results || results->size() == notes.size());
    return results;
  } catch (...) {  // what() may hold text of a note
    log::error("worker.summarization_failed", {{"notes", notes.size()}});
    return Error{ErrorCode::kInternal, "The model failed.", ""};
  }
}

Result<std::vector<Texts>> BatchScheduler::call_streaming(const SummarizationJob& job,
                                                          const std::stop_token& stop) {
  try {
    EPICRISIS_ASSIGN_OR_RETURN(std::string text, service_->summarize_streaming(
                                                     job.notes.front(), job.settings, job.take_piece, stop));
    return std::vector<Texts>{{std::move(text)}};
  } catch (...) {  // what() may hold text of a note
    log::error("worker.summarization_failed", {{"notes", 1}});
    return Error{ErrorCode::kInternal, "The model failed.", ""};
  }
}

void BatchScheduler::store(const Slice& slice, std::span<Texts> results) {
  Pending& pending = *slice.pending;
  {
    const std::lock_guard lock(mutex_);
    if (pending.answered) return;
    std::move(results.begin(), results.end(),
              pending.results.begin() + static_cast<std::ptrdiff_t>(slice.begin));
    pending.finished += results.size();
    if (pending.finished < pending.results.size()) return;
    pending.answered = true;
  }
  pending.job.done(std::move(pending.results));
}

void BatchScheduler::fail(const std::shared_ptr<Pending>& pending, Error error) {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(pending->answered, true)) return;
  }
  pending->job.done(std::move(error));
}

}  // namespace epicrisis::api
