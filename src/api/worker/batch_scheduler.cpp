#include "api/worker/batch_scheduler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.hpp"

namespace epicrisis::api {
namespace {

Error cancelled() { return {ErrorCode::kCancelled, "The request was cancelled.", ""}; }

/// Requests stop once one of two tokens does.
class EitherStop {
 public:
  EitherStop(const std::stop_token& one, const std::stop_token& other)
      : on_one_(one, [this] { source_.request_stop(); }),
        on_other_(other, [this] { source_.request_stop(); }) {}
  std::stop_token token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  std::stop_callback<std::function<void()>> on_one_;  // destroyed before source_, which they use
  std::stop_callback<std::function<void()>> on_other_;
};

}  // namespace

BatchScheduler::BatchScheduler(std::shared_ptr<SummarizationService> service, SchedulerOptions options)
    : service_(std::move(service)), options_(options) {
  for (std::size_t i = 0; i < options_.max_running; ++i) threads_.emplace_back([this] { work(); });
}

BatchScheduler::~BatchScheduler() { stop(); }

bool BatchScheduler::try_submit(SummarizationJob job) {
  if (job.notes.empty()) {
    job.done(std::vector<Texts>());
    return true;
  }
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || waiting_.size() >= options_.max_waiting) return false;
    waiting_.push_back(std::move(job));
  }
  ready_.notify_one();
  return true;
}

bool BatchScheduler::is_full() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size() >= options_.max_waiting;
}

void BatchScheduler::stop() {
  std::deque<SummarizationJob> unserved;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    unserved.swap(waiting_);
  }
  ending_.request_stop();
  ready_.notify_all();
  for (const SummarizationJob& job : unserved) job.done(cancelled());
  threads_.clear();  // joins
}

void BatchScheduler::work() {
  while (true) {
    SummarizationJob job;
    {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [this] { return closed_ || !waiting_.empty(); });
      if (closed_) return;
      job = std::move(waiting_.front());
      waiting_.pop_front();
    }
    if (job.stop.stop_requested()) {
      job.done(cancelled());
    } else {
      compute(std::move(job));
    }
  }
}

void BatchScheduler::compute(SummarizationJob job) {
  const EitherStop stop(job.stop, ending_.get_token());
  Result<std::vector<Texts>> results = job.take_piece ? call_streaming(job, stop.token())
                                                      : call_service(job.notes, job.settings, stop.token());
  if (!results && job.notes.size() > 1 && !stop.token().stop_requested()) {
    results = blame_a_note(job, std::move(results).error(), stop.token());
  }
  job.done(std::move(results));
}

/// The error of the first of several notes that fails alone, which it names; `error` where none does.
Error BatchScheduler::blame_a_note(const SummarizationJob& job, Error error, const std::stop_token& stop) {
  for (std::size_t i = 0; i < job.notes.size(); ++i) {
    Result<std::vector<Texts>> result = call_service(std::span(job.notes).subspan(i, 1), job.settings, stop);
    if (result) continue;
    error = std::move(result).error();
    error.public_message = fmt::format("'inputs[{}]': {}", i, error.public_message);
    break;
  }
  return error;
}

Result<std::vector<Texts>> BatchScheduler::call_service(std::span<const ClinicalText> notes,
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

}  // namespace epicrisis::api
