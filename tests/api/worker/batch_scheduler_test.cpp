#include "api/worker/batch_scheduler.hpp"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/worker/fake_service.hpp"

namespace epicrisis::api {
namespace {

using epicrisis::testing::FakeService;
using Outcome = Result<Texts>;

class Scheduler : public ::testing::Test {
 protected:
  void start(SchedulerOptions options) { scheduler_ = std::make_unique<BatchScheduler>(service_, options); }

  std::future<Outcome> submit(const Texts& notes, const std::string& key = "", std::stop_token stop = {}) {
    auto promise = std::make_shared<std::promise<Outcome>>();
    std::future<Outcome> outcome = promise->get_future();
    SummarizationJob job;
    for (const std::string& note : notes) job.notes.emplace_back(note);
    job.batch_key = key;
    job.stop = std::move(stop);
    job.done = [promise](const Result<std::vector<Texts>>& results) {
      if (!results) return promise->set_value(results.error());
      Texts first_of_each;
      for (const Texts& texts : *results) first_of_each.push_back(texts.at(0));
      promise->set_value(std::move(first_of_each));
    };
    accepted_ = scheduler_->try_submit(std::move(job));
    return outcome;
  }
  /// Occupies the only compute thread with a note of its own.
  std::future<Outcome> block() {
    service_->hold();
    std::future<Outcome> outcome = submit({"blocker"}, "blocker's own key");
    EXPECT_TRUE(service_->wait_for_calls(1));
    return outcome;
  }

  std::shared_ptr<FakeService> service_ = std::make_shared<FakeService>();
  std::unique_ptr<BatchScheduler> scheduler_;
  bool accepted_ = false;
};

TEST_F(Scheduler, FillsABatchWithNotesOfEqualSettings) {
  start({.threads = 1, .max_waiting = 10, .max_batch_notes = 4});
  auto blocked = block();
  auto a = submit({"a1", "a2"}, "x");
  auto other = submit({"o"}, "y");
  auto b = submit({"b1", "b2", "b3"}, "x");
  service_->release();
  EXPECT_EQ(*a.get(), (Texts{"summary of a1", "summary of a2"}));
  EXPECT_EQ(*b.get(), (Texts{"summary of b1", "summary of b2", "summary of b3"}));
  EXPECT_EQ(*other.get(), Texts{"summary of o"});
  const std::vector<Texts> calls = service_->calls();
  EXPECT_EQ(calls, (std::vector<Texts>{{"blocker"}, {"a1", "a2", "b1", "b2"}, {"o"}, {"b3"}}));
}

TEST_F(Scheduler, AJobOfManyNotesDoesNotHoldUpShortOnes) {
  start({.threads = 1, .max_waiting = 10, .max_batch_notes = 2});
  auto blocked = block();
  auto large = submit({"1", "2", "3", "4", "5"}, "x");
  auto small = submit({"s"}, "y");
  service_->release();
  EXPECT_EQ(large.get()->size(), 5U);
  EXPECT_EQ(*small.get(), Texts{"summary of s"});
  EXPECT_EQ(service_->calls(), (std::vector<Texts>{{"blocker"}, {"1", "2"}, {"s"}, {"3", "4"}, {"5"}}));
}

TEST_F(Scheduler, ABadNoteFailsItsOwnJobOnlyAndIsNamed) {
  start({.threads = 1, .max_waiting = 10, .max_batch_notes = 8});
  auto blocked = block();
  auto good = submit({"a", "b"});
  auto bad = submit({"c", "refuse"});
  auto alone = submit({"refuse"});
  auto broken = submit({"throw Canary"});
  service_->release();
  EXPECT_EQ(*good.get(), (Texts{"summary of a", "summary of b"}));
  const Outcome refused = bad.get();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused.error().public_message, "'inputs[1]': The note is blank.");
  EXPECT_EQ(alone.get().error().public_message, "The note is blank.");
  const Outcome thrown = broken.get();
  EXPECT_EQ(thrown.error().code, ErrorCode::kInternal);
  EXPECT_EQ(thrown.error().to_line().find("Canary"), std::string::npos);
}

TEST_F(Scheduler, RefusesWhenFull) {
  start({.threads = 1, .max_waiting = 2, .max_batch_notes = 1});
  auto blocked = block();
  auto a = submit({"a"});
  EXPECT_TRUE(accepted_);
  EXPECT_FALSE(scheduler_->is_full());
  auto b = submit({"b"});
  EXPECT_TRUE(accepted_);
  EXPECT_TRUE(scheduler_->is_full());
  submit({"c"});
  EXPECT_FALSE(accepted_);
  service_->release();
  EXPECT_EQ(*b.get(), Texts{"summary of b"});
}

TEST_F(Scheduler, AStoppedJobIsNotComputed) {
  start({.threads = 1, .max_waiting = 10, .max_batch_notes = 1});
  auto blocked = block();
  std::stop_source stop;
  auto left = submit({"left"}, "", stop.get_token());
  auto stays = submit({"stays"});
  stop.request_stop();
  service_->release();
  EXPECT_EQ(left.get().error().code, ErrorCode::kCancelled);
  EXPECT_EQ(*stays.get(), Texts{"summary of stays"});
  EXPECT_EQ(service_->calls(), (std::vector<Texts>{{"blocker"}, {"stays"}}));
}

TEST_F(Scheduler, ABatchGoesOnWhileOneJobWaitsForIt) {
  start({.threads = 1, .max_waiting = 10, .max_batch_notes = 2});
  std::stop_source blocker;
  std::stop_source first;
  std::stop_source second;
  service_->hold();
  auto blocked = submit({"blocker"}, "blocker's own key", blocker.get_token());
  ASSERT_TRUE(service_->wait_for_calls(1));
  auto a = submit({"a"}, "", first.get_token());
  auto b = submit({"b"}, "", second.get_token());
  blocker.request_stop();  // the next call, of both notes, is held too
  EXPECT_EQ(blocked.get().error().code, ErrorCode::kCancelled);
  ASSERT_TRUE(service_->wait_for_calls(2));
  first.request_stop();
  service_->release();
  EXPECT_EQ(*b.get(), Texts{"summary of b"});
  EXPECT_EQ(service_->cancelled(), 1);
}

TEST_F(Scheduler, ABatchStopsOnceNobodyWaitsForIt) {
  start({.threads = 1, .max_waiting = 10, .max_batch_notes = 2});
  std::stop_source blocker;
  std::stop_source first;
  std::stop_source second;
  service_->hold();
  auto blocked = submit({"blocker"}, "blocker's own key", blocker.get_token());
  ASSERT_TRUE(service_->wait_for_calls(1));
  auto a = submit({"a"}, "", first.get_token());
  auto b = submit({"b"}, "", second.get_token());
  blocker.request_stop();
  ASSERT_TRUE(service_->wait_for_calls(2));
  first.request_stop();
  second.request_stop();
  EXPECT_TRUE(service_->wait_for_cancelled(2));
  EXPECT_EQ(a.get().error().code, ErrorCode::kCancelled);
  EXPECT_EQ(b.get().error().code, ErrorCode::kCancelled);
}

TEST_F(Scheduler, StopCancelsWhatRunsAndWhatWaits) {
  start({.threads = 1, .max_waiting = 10, .max_batch_notes = 1});
  auto running = block();
  auto waiting = submit({"a"});
  scheduler_->stop();
  EXPECT_EQ(running.get().error().code, ErrorCode::kCancelled);
  EXPECT_EQ(waiting.get().error().code, ErrorCode::kCancelled);
  EXPECT_EQ(service_->cancelled(), 1);
  submit({"b"});
  EXPECT_FALSE(accepted_);
}

TEST_F(Scheduler, NothingToDoIsDoneAtOnce) {
  start({});
  EXPECT_EQ(*submit({}).get(), Texts{});
}

}  // namespace
}  // namespace epicrisis::api
