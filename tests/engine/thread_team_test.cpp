#include "engine/thread_team.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

namespace epicrisis::engine {
namespace {

constexpr std::int64_t kMuchWork = 1'000'000'000;

TEST(ThreadTeam, RunsEachTaskOnce) {
  ThreadTeam team(4);
  for (const int tasks : {0, 1, 2, 3, 4, 5, 100, 1000}) {
    std::vector<std::atomic<int>> runs(static_cast<std::size_t>(tasks));
    team.run(tasks, kMuchWork, [&](int task, int) noexcept { ++runs[static_cast<std::size_t>(task)]; });
    for (const auto& count : runs) EXPECT_EQ(count.load(), 1);
  }
}

TEST(ThreadTeam, ManyShortRunsFollowEachOther) {
  ThreadTeam team(3);
  std::int64_t sum = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::int64_t parts[8] = {};
    team.run(8, kMuchWork, [&](int task, int) noexcept { parts[task] = task + round; });
    sum += std::accumulate(parts, parts + 8, std::int64_t{0});
  }
  EXPECT_EQ(sum, 20'000LL * 28 + 8 * (20'000LL * 19'999 / 2));
}

TEST(ThreadTeam, NoTwoTasksShareAWorkerNumber) {
  ThreadTeam team(4);
  std::vector<std::atomic<int>> busy(static_cast<std::size_t>(team.size()));
  std::atomic<bool> shared = false;
  for (int round = 0; round < 200; ++round) {
    team.run(64, kMuchWork, [&](int, int worker) noexcept {
      if (busy[static_cast<std::size_t>(worker)].fetch_add(1) != 0) shared = true;
      std::this_thread::yield();
      busy[static_cast<std::size_t>(worker)].fetch_sub(1);
    });
  }
  EXPECT_FALSE(shared.load());
}

TEST(ThreadTeam, LittleWorkStaysWithTheCaller) {
  ThreadTeam team(4);
  const auto caller = std::this_thread::get_id();
  bool elsewhere = false;
  team.run(100, ThreadTeam::kSharedOperations - 1, [&](int, int worker) noexcept {
    elsewhere = elsewhere || worker != 0 || std::this_thread::get_id() != caller;
  });
  EXPECT_FALSE(elsewhere);
}

TEST(ThreadTeam, SeveralCallersGetTheirOwnTasksDone) {
  ThreadTeam team(3);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&team, &wrong, caller] {
      for (int round = 0; round < 2000; ++round) {
        std::vector<int> results(16, -1);
        team.run(16, kMuchWork,
                 [&](int task, int) noexcept { results[static_cast<std::size_t>(task)] = caller + task; });
        for (int task = 0; task < 16; ++task)
          wrong += results[static_cast<std::size_t>(task)] != caller + task;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong.load(), 0);
}

}  // namespace
}  // namespace epicrisis::engine
