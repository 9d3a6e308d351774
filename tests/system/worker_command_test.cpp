// `epicrisis worker` as a process: what it prints, what it answers, how it ends.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "base/json.hpp"
#include "support/fixtures.hpp"
#include "support/http_client.hpp"
#include "support/subprocess.hpp"

namespace epicrisis {
namespace {

using std::chrono::milliseconds;
using testing::fetch;
using testing::http_request;
using testing::HttpClient;
using testing::HttpReply;
using testing::ProcessOptions;
using testing::ProcessOutcome;
using testing::Subprocess;

const std::vector<std::string> kNotes = {
    "Pt c/o chest pain since this morning, radiating to left arm. Aspirin given.",
    "Fell at home, right hip shortened and rotated. X-ray pending.",
    "Shortness of breath, wheeze on both sides, salbutamol given twice.",
    "Abdominal pain since yesterday, no fever, ultrasound normal.",
};

std::string model() { return (testing::kept_fixtures_dir() / "pegasus" / "xsum-like").string(); }

std::string request_for(const Json& inputs, const Json& parameters = Json::object()) {
  return Json{{"inputs", inputs}, {"parameters", parameters}}.dump();
}

class RunningWorker {
 public:
  explicit RunningWorker(const std::vector<std::string>& arguments = {}, const ProcessOptions& options = {})
      : process_(command(arguments), options) {
    const std::string announced = "listening on http://127.0.0.1:";
    while (process_.output().find('\n') == std::string::npos) std::this_thread::sleep_for(milliseconds(5));
    const std::string line = process_.output();
    EXPECT_TRUE(line.starts_with(announced)) << line;
    port_ = static_cast<std::uint16_t>(std::atoi(line.c_str() + announced.size()));
  }

  void wait_until_ready() const {
    while (fetch(port_, "GET", "/ping").status != 200) std::this_thread::sleep_for(milliseconds(5));
  }
  HttpReply invoke(const std::string& body) const {
    return fetch(port_, "POST", "/invocations", body, "Content-Type: application/json\r\n");
  }
  std::uint16_t port() const { return port_; }
  Subprocess& process() { return process_; }
  ProcessOutcome end() {
    process_.send_signal(SIGTERM);
    return process_.wait(std::chrono::seconds(60));
  }

 private:
  static std::vector<std::string> command(const std::vector<std::string>& arguments) {
    std::vector<std::string> whole = {EPICRISIS_PROGRAM, "worker", "--listen", "127.0.0.1:0"};
    if (std::find(arguments.begin(), arguments.end(), "--model") == arguments.end())
      whole.insert(whole.end(), {"--model", model()});
    whole.insert(whole.end(), arguments.begin(), arguments.end());
    return whole;
  }

  Subprocess process_;
  std::uint16_t port_ = 0;
};

TEST(WorkerCommand, ServesAModelUntilItIsAskedToEnd) {
  RunningWorker worker;
  worker.wait_until_ready();
  const HttpReply reply = worker.invoke(request_for(kNotes[0]));
  EXPECT_EQ(reply.status, 200);
  const Json results = Json::parse(reply.body);
  ASSERT_EQ(results.size(), 1U);
  EXPECT_TRUE(results[0].contains("generated_text")) << "HF_TASK is not set";
  const ProcessOutcome outcome = worker.end();
  EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
  EXPECT_EQ(std::count(outcome.output.begin(), outcome.output.end(), '\n'), 1) << outcome.output;
  EXPECT_EQ(outcome.errors.find("chest"), std::string::npos);
}

TEST(WorkerCommand, TheTaskComesFromTheEnvironmentOrTheOption) {
  ProcessOptions options;
  options.environment = {{"HF_TASK", "summarization"}};
  RunningWorker by_environment({}, options);
  by_environment.wait_until_ready();
  EXPECT_TRUE(Json::parse(by_environment.invoke(request_for("a b c")).body)[0].contains("summary_text"));
  RunningWorker by_option({"--task", "text2text-generation"}, options);
  by_option.wait_until_ready();
  EXPECT_TRUE(Json::parse(by_option.invoke(request_for("a b c")).body)[0].contains("generated_text"));
}

TEST(WorkerCommand, BatchesAndConcurrentClientsGetWhatEachNoteGivesAlone) {
  RunningWorker worker;
  worker.wait_until_ready();
  const Json parameters = {{"max_length", 24}, {"num_beams", 2}};
  Json alone = Json::array();
  for (const std::string& note : kNotes) {
    alone.push_back(Json::parse(worker.invoke(request_for(note, parameters)).body)[0]);
  }
  EXPECT_EQ(Json::parse(worker.invoke(request_for(kNotes, parameters)).body), alone);
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> clients;
    for (std::size_t c = 0; c < 64; ++c) {
      clients.emplace_back([&, c] {
        const std::size_t which = c % kNotes.size();
        const HttpReply reply = worker.invoke(request_for(kNotes[which], parameters));
        if (reply.status == 200 && Json::parse(reply.body) == Json::array({alone[which]})) ++right;
      });
    }
  }
  EXPECT_EQ(right, 64);
}

// The long ones would take minutes; leaving them ends them.
TEST(WorkerCommand, AShortRequestIsAnsweredWhileEightLongOnesRun) {
  const auto models = testing::find_fixtures("t5", "spiece.model");
  if (models.empty()) GTEST_SKIP() << "no T5, which writes without end";
  RunningWorker worker({"--model", models.front().string()});
  worker.wait_until_ready();
  const std::string brief = request_for(kNotes[1], {{"max_new_tokens", 3}, {"num_beams", 1}});
  const std::string alone = worker.invoke(brief).body;
  const Json without_end = {{"max_new_tokens", 30000}, {"min_new_tokens", 30000}, {"num_beams", 1}};
  std::vector<HttpClient> clients;
  for (std::size_t c = 0; c < 8; ++c) {
    clients.emplace_back(worker.port());
    clients.back().send(http_request("POST", "/invocations",
                                     request_for(kNotes[c % kNotes.size()], without_end),
                                     "Content-Type: application/json\r\n"));
  }
  EXPECT_EQ(worker.invoke(brief).body, alone);
  EXPECT_EQ(worker.invoke(brief).body, alone) << "and again, when all of them run";
  clients.clear();
  EXPECT_EQ(worker.end().exit_code, 0) << "nothing is left that would have to be waited for";
}

TEST(WorkerCommand, FinishesWhatRunsWhenItIsAskedToEnd) {
  RunningWorker worker;
  worker.wait_until_ready();
  std::vector<HttpClient> clients;
  const std::string body = request_for(kNotes);
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back(worker.port());
    clients.back().send(fmt::format(
        "POST /invocations HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: {}\r\n"
        "Expect: 100-continue\r\n\r\n",
        body.size()));
    ASSERT_EQ(clients.back().read_head(), "HTTP/1.1 100 Continue\r\n\r\n");  // so the request has begun
    clients.back().send(body);
  }
  worker.process().send_signal(SIGTERM);
  for (HttpClient& client : clients) EXPECT_EQ(client.read_reply().status, 200);
  EXPECT_EQ(worker.process().wait(std::chrono::seconds(60)).exit_code, 0);
}

TEST(WorkerCommand, AnswersCurl) {
  if (std::system("command -v curl > /dev/null") != 0) GTEST_SKIP() << "curl is not installed";
  RunningWorker worker({"--task", "summarization"});
  worker.wait_until_ready();
  const std::string url = fmt::format("http://127.0.0.1:{}/invocations", worker.port());
  const std::string large = request_for(std::string(100'000, 'x') + " chest pain", {{"max_length", 8}});
  ProcessOptions options;
  options.input = large;
  const ProcessOutcome outcome = testing::run_process(
      {"/bin/sh", "-c",
       fmt::format("exec curl -sS --fail -H 'Content-Type: application/json' -H 'Expect: 100-continue' "
                   "-H 'Transfer-Encoding: chunked' --data-binary @- {}",
                   url)},
      options);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
  EXPECT_TRUE(outcome.output.starts_with("[{\"summary_text\":\"")) << outcome.output;
}

TEST(WorkerCommand, RefusesWithOneLine) {
  const auto refuse = [](const std::vector<std::string>& arguments, const std::string& said) {
    std::vector<std::string> command = {EPICRISIS_PROGRAM, "worker"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const ProcessOutcome outcome = testing::run_process(command);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.errors;
    EXPECT_EQ(std::count(outcome.errors.begin(), outcome.errors.end(), '\n'), 1) << outcome.errors;
    EXPECT_NE(outcome.errors.find(said), std::string::npos) << outcome.errors;
  };
  refuse({"--model", model(), "--listen", "0.0.0.0:0"}, "--allow-remote");
  refuse({"--model", model(), "--listen", "8080"}, "ADDR:PORT");
  refuse({"--model", model(), "--listen", ":0", "--task", "translation"}, "text2text-generation");
  refuse({"--model", "/does/not/exist", "--listen", ":0"}, "/does/not/exist");
  refuse({"--model", model(), "--threads", "-1"}, "--threads");
}

}  // namespace
}  // namespace epicrisis
