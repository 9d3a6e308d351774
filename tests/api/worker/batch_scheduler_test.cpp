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

  std::future<Outcome> submit(const Texts& notes, std::stop_token stop = {}) {
    auto promise = std::make_shared<std::promise<Outcome>>();
    std::future<Outcome> outcome = promise->get_future();
    SummarizationJob job;
    for (const std::string& note : notes) job.notes.emplace_back(note);
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
  /// Occupies the only thread with a note of its own.
  std::future<Outcome> block() {
    service_->hold();
    std::future<Outcome> outcome = submit({"blocker"});
    EXPECT_TRUE(service_->wait_for_calls(1));
    return outcome;
  }

  std::shared_ptr<FakeService> service_ = std::make_shared<FakeService>();
  std::unique_ptr<BatchScheduler> scheduler_;
  bool accepted_ = false;
};

TEST_F(Scheduler, ComputesJobsSideBySide) {
  start({.max_running = 2, .max_waiting = 10});
  service_->hold();
  auto large = submit({"1", "2", "3"});
  auto small = submit({"s"});
  auto waiting = submit({"w"});
  EXPECT_TRUE(service_->wait_for_calls(2));
  EXPECT_EQ(service_->calls().size(), 2U);
  service_->release();
  EXPECT_EQ(*large.get(), (Texts{"summary of 1", "summary of 2", "summary of 3"}));
  EXPECT_EQ(*small.get(), Texts{"summary of s"});
  EXPECT_EQ(*waiting.get(), Texts{"summary of w"});
}

TEST_F(Scheduler, ABadNoteFailsItsOwnJobOnlyAndIsNamed) {
  start({.max_running = 1, .max_waiting = 10});
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
  start({.max_running = 1, .max_waiting = 2});
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
  start({.max_running = 1, .max_waiting = 10});
  auto blocked = block();
  std::stop_source stop;
  auto left = submit({"left"}, stop.get_token());
  auto stays = submit({"stays"});
  stop.request_stop();
  service_->release();
  EXPECT_EQ(left.get().error().code, ErrorCode::kCancelled);
  EXPECT_EQ(*stays.get(), Texts{"summary of stays"});
  EXPECT_EQ(service_->calls(), (std::vector<Texts>{{"blocker"}, {"stays"}}));
}

TEST_F(Scheduler, AJobThatNobodyWaitsForStops) {
  start({.max_running = 2, .max_waiting = 10});
  service_->hold();
  std::stop_source stop;
  auto left = submit({"left"}, stop.get_token());
  auto stays = submit({"stays"});
  ASSERT_TRUE(service_->wait_for_calls(2));
  stop.request_stop();
  EXPECT_EQ(left.get().error().code, ErrorCode::kCancelled);
  service_->release();
  EXPECT_EQ(*stays.get(), Texts{"summary of stays"});
  EXPECT_EQ(service_->cancelled(), 1);
}

TEST_F(Scheduler, StopCancelsWhatRunsAndWhatWaits) {
  start({.max_running = 1, .max_waiting = 10});
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
