// Endpoints over real processes: a fake worker in place of a model.
#include "jobs/endpoint_supervisor.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <future>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/files.hpp"

namespace epicrisis::jobs {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class EndpointSupervisorTest : public testing::Test {
 protected:
  ~EndpointSupervisorTest() override {
    for (const std::string& name : names_) remove(name);
    loop_.stop();
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a process is left";
    EXPECT_EQ(errno, ECHILD);
  }

  static VariantSpec variant(const std::string& name, const std::string& behaviour, int instances = 1,
                             double weight = 1) {
    VariantSpec spec;
    spec.name = name;
    spec.weight = weight;
    spec.pool.instances = instances;
    spec.pool.first_backoff = milliseconds(1);
    spec.pool.worker.command = {"/usr/bin/python3", "-S", EPICRISIS_FAKE_WORKER, behaviour, name};
    spec.pool.worker.environment = {{"PATH", "/usr/bin:/bin"}};
    return spec;
  }

  Result<void> deploy(const std::string& name, std::vector<VariantSpec> variants) {
    names_.push_back(name);
    std::promise<Result<void>> settled;
    supervisor_.deploy(
        name, [variants = std::move(variants)] { return variants; },
        [&settled](Result<void> outcome) { settled.set_value(std::move(outcome)); });
    return settled.get_future().get();
  }

  void remove(const std::string& name) {
    std::promise<void> gone;
    supervisor_.remove(name, [&gone] { gone.set_value(); });
    gone.get_future().get();
  }

  std::pair<EndpointSupervisor::Refusal, VariantReply> invoke(const std::string& name,
                                                              const std::string& body,
                                                              const std::string& variant = "",
                                                              VariantSink sink = {}) {
    auto request = std::make_shared<WorkerRequest>();
    request->body = ClinicalText(body);
    std::promise<std::pair<EndpointSupervisor::Refusal, VariantReply>> answer;
    supervisor_.invoke(name, variant, request, {std::chrono::steady_clock::now() + seconds(30)},
                       std::move(sink), [&answer](EndpointSupervisor::Refusal refusal, VariantReply reply) {
                         answer.set_value({refusal, std::move(reply)});
                       });
    return answer.get_future().get();
  }

  std::string text(const std::string& name, const std::string& body) {
    const auto [refusal, answer] = invoke(name, body);
    return answer.reply ? answer.reply->body.reveal() : answer.reply.error().to_line();
  }

  ControlLoop loop_{1};
  EndpointSupervisor supervisor_{loop_, [](const std::string&, std::string_view) {}};
  std::vector<std::string> names_;
};

TEST_F(EndpointSupervisorTest, ServesOnceEveryWorkerIsReady) {
  ASSERT_TRUE(deploy("one", {variant("a", "serve", 2)}));
  EXPECT_EQ(text("one", "hello"), "a");
  const std::vector<VariantState> states = supervisor_.variants("one");
  ASSERT_EQ(states.size(), 1U);
  EXPECT_EQ(states[0].ready_instances, 2);
  EXPECT_EQ(states[0].pids.size(), 2U);
  EXPECT_EQ(invoke("two", "hello").first, EndpointSupervisor::Refusal::kUnknownEndpoint);
  EXPECT_EQ(invoke("one", "hello", "b").first, EndpointSupervisor::Refusal::kUnknownVariant);
}

TEST_F(EndpointSupervisorTest, SaysWithTheWorkersOwnWordWhyItDidNotStart) {
  const Result<void> outcome = deploy("one", {variant("a", "serve"), variant("b", "refuse")});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().to_line(), "Variant b: config.json is missing");
  EXPECT_EQ(invoke("one", "hello").first, EndpointSupervisor::Refusal::kNotServing);
}

TEST_F(EndpointSupervisorTest, FailsAWorkerThatIsNeverReady) {
  VariantSpec slow = variant("a", "never-ready");
  slow.pool.worker.startup_timeout = milliseconds(300);
  const Result<void> outcome = deploy("one", {slow});
  ASSERT_FALSE(outcome);
  EXPECT_NE(outcome.error().to_line().find("/ping"), std::string::npos) << outcome.error().to_line();
}

TEST_F(EndpointSupervisorTest, RepeatsARequestWhoseWorkerDiedAndRestartsIt) {
  const TemporaryDirectory folder = *TemporaryDirectory::create();
  ASSERT_TRUE(deploy("one", {variant("a", "serve")}));
  const std::string before = text("one", "pid");
  EXPECT_EQ(text("one", "die-once:" + (folder.path() / "died").string()), "a");
  EXPECT_NE(text("one", "pid"), before);
  const auto [refusal, answer] = invoke("one", "die");
  ASSERT_FALSE(answer.reply);
  EXPECT_EQ(answer.reply.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(answer.variant, "a");
}

TEST_F(EndpointSupervisorTest, LosesNoRequestToAWorkerThatIsKilled) {
  ASSERT_TRUE(deploy("one", {variant("a", "serve")}));
  std::atomic<bool> over = false;
  std::atomic<int> wrong = 0;
  std::atomic<int> answers = 0;
  std::vector<std::jthread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      while (!over) {
        if (text("one", "hello") != "a") ++wrong;
        ++answers;
      }
    });
  }
  for (int kills = 0; kills < 3; ++kills) {
    const int before = answers;
    while (answers < before + 200) std::this_thread::yield();
    for (const pid_t pid : supervisor_.variants("one").front().pids) ::kill(pid, SIGKILL);
  }
  const int before = answers;
  while (answers < before + 200) std::this_thread::yield();
  over = true;
  clients.clear();
  EXPECT_EQ(wrong, 0);
}

TEST_F(EndpointSupervisorTest, LosesNoRequestToAnUpdate) {
  ASSERT_TRUE(deploy("one", {variant("old", "serve", 2)}));
  std::atomic<bool> updated = false;
  std::atomic<int> wrong = 0;
  std::atomic<int> old_answers = 0;
  std::vector<std::jthread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      while (!updated) {
        const std::string answer = text("one", "hello");
        if (answer == "old") ++old_answers;
        if (answer != "old" && answer != "new") ++wrong;
      }
    });
  }
  while (old_answers == 0) std::this_thread::yield();
  EXPECT_TRUE(deploy("one", {variant("new", "serve", 1)}));
  updated = true;
  clients.clear();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(text("one", "hello"), "new");
}

TEST_F(EndpointSupervisorTest, KeepsWhatServesWhenAnUpdateFails) {
  ASSERT_TRUE(deploy("one", {variant("old", "serve")}));
  EXPECT_FALSE(deploy("one", {variant("new", "refuse")}));
  EXPECT_EQ(text("one", "hello"), "old");
}

TEST_F(EndpointSupervisorTest, SharesRequestsByWeight) {
  ASSERT_TRUE(deploy("one", {variant("a", "serve", 1, 3), variant("b", "serve", 1, 1)}));
  std::map<std::string, int> answers;
  for (int i = 0; i < 40; ++i) ++answers[text("one", "hello")];
  EXPECT_EQ(answers["a"], 30);
  EXPECT_EQ(answers["b"], 10);
  std::promise<Result<void>> settled;
  supervisor_.change("one", {{"a", 0.0, std::nullopt}, {"b", std::nullopt, 2}},
                     [&settled](Result<void> outcome) { settled.set_value(std::move(outcome)); });
  ASSERT_TRUE(settled.get_future().get());
  EXPECT_EQ(text("one", "hello"), "b");
  EXPECT_EQ(supervisor_.variants("one")[1].ready_instances, 2);
}

TEST_F(EndpointSupervisorTest, UnloadsWhenIdleAndWakesForARequest) {
  VariantSpec spec = variant("a", "serve");
  spec.pool.idle_unload = milliseconds(20);
  ASSERT_TRUE(deploy("one", {spec}));
  while (!supervisor_.variants("one")[0].unloaded || !supervisor_.variants("one")[0].pids.empty()) {
    std::this_thread::sleep_for(milliseconds(5));
  }
  EXPECT_EQ(text("one", "hello"), "a");
}

TEST_F(EndpointSupervisorTest, PassesPartsOnInOrder) {
  ASSERT_TRUE(deploy("one", {variant("a", "serve")}));
  std::string parts;
  const auto [refusal, answer] = invoke(
      "one", "stream", "", [&parts](const std::string&, const WorkerReply& head, std::string_view part) {
        EXPECT_EQ(head.status, 200);
        parts += part;
        return true;
      });
  ASSERT_TRUE(answer.reply);
  EXPECT_EQ(parts, "one two three");
}

TEST_F(EndpointSupervisorTest, CanBeRemovedWhileItStarts) {
  std::promise<Result<void>> settled;
  supervisor_.deploy(
      "one", [] { return std::vector<VariantSpec>{variant("a", "never-ready")}; },
      [&settled](Result<void> outcome) { settled.set_value(std::move(outcome)); });
  remove("one");
  EXPECT_EQ(settled.get_future().get().error().code, ErrorCode::kCancelled);
}

}  // namespace
}  // namespace epicrisis::jobs
