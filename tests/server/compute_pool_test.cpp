#include "server/compute_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>

namespace epicrisis::server {
namespace {

TEST(ComputePool, RunsEveryAcceptedTaskBeforeItStops) {
  std::atomic<int> done = 0;
  ComputePool pool(3, 1000);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(pool.try_submit([&] { ++done; }));
  pool.stop();
  EXPECT_EQ(done, 1000);
  EXPECT_FALSE(pool.try_submit([&] { ++done; }));
}

TEST(ComputePool, RefusesWhenItsQueueIsFull) {
  std::promise<void> started;
  std::promise<void> release;
  ComputePool pool(1, 2);
  ASSERT_TRUE(pool.try_submit([&] {
    started.set_value();
    release.get_future().wait();
  }));
  started.get_future().wait();
  EXPECT_TRUE(pool.try_submit([] {}));
  EXPECT_TRUE(pool.try_submit([] {}));
  EXPECT_FALSE(pool.try_submit([] {}));
  release.set_value();
}

TEST(ComputePool, SurvivesATaskThatThrows) {
  ComputePool pool(1, 2);
  std::promise<int> after;
  ASSERT_TRUE(pool.try_submit([] { throw std::runtime_error("Canary fell at home"); }));
  ASSERT_TRUE(pool.try_submit([&] { after.set_value(7); }));
  EXPECT_EQ(after.get_future().get(), 7);
}

}  // namespace
}  // namespace epicrisis::server
