// The container contract over real sockets, with a model that the test controls.
#include "api/worker/worker_api.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "api/worker/fake_service.hpp"
#include "support/http_client.hpp"
#include "support/running_server.hpp"

namespace epicrisis::api {
namespace {

using epicrisis::testing::FakeService;
using epicrisis::testing::fetch;
using epicrisis::testing::http_request;
using epicrisis::testing::HttpClient;
using epicrisis::testing::HttpReply;
using epicrisis::testing::RunningServer;

constexpr std::size_t kWarmUpCalls = 1;

class Worker : public ::testing::Test {
 protected:
  void listen(WorkerOptions options = {}) {
    api_ = std::make_unique<WorkerApi>(options);
    server::ServerOptions server_options;
    server_options.error_response = error_response;
    server_ = std::make_unique<RunningServer>(api_->router(), server_options);
  }
  void open(Task task = Task::kSummarization) {
    const Result<void> opened = api_->open(service_, task);
    ASSERT_TRUE(opened.has_value()) << opened.error().to_line();
  }
  void start(WorkerOptions options = {}, Task task = Task::kSummarization) {
    listen(options);
    open(task);
  }
  void TearDown() override {
    service_->release();
    if (server_) server_->stop();
    if (api_) api_->stop();
  }

  HttpReply invoke(const std::string& body,
                   const std::string& fields = "Content-Type: application/json\r\n") {
    return fetch(server_->port(), "POST", "/invocations", body, fields);
  }
  HttpClient invoke_later(const std::string& note) {
    HttpClient client(server_->port());
    client.send(http_request("POST", "/invocations", fmt::format(R"({{"inputs": "{}"}})", note)));
    return client;
  }

  std::shared_ptr<FakeService> service_ = std::make_shared<FakeService>();
  std::unique_ptr<WorkerApi> api_;
  std::unique_ptr<RunningServer> server_;
};

TEST_F(Worker, IsReadyOnceTheWarmUpRan) {
  listen();
  const HttpReply early = fetch(server_->port(), "GET", "/ping");
  EXPECT_EQ(early.status, 503);
  EXPECT_EQ(early.headers.count("retry-after"), 1U);
  EXPECT_EQ(invoke(R"({"inputs": "a"})").status, 503);
  open();
  EXPECT_EQ(fetch(server_->port(), "GET", "/ping").status, 200);
  EXPECT_EQ(fetch(server_->port(), "HEAD", "/ping").status, 200);
  EXPECT_EQ(service_->calls().size(), kWarmUpCalls);
}

TEST_F(Worker, AnswersOneResultForEachInputInOrder) {
  start();
  const HttpReply one = invoke(R"({"inputs": "a"})");
  EXPECT_EQ(one.status, 200);
  EXPECT_EQ(one.body, R"([{"summary_text":"summary of a"}])");
  EXPECT_EQ(one.headers.at("content-type"), "application/json");
  EXPECT_EQ(
      invoke(R"({"inputs": ["b", "ä \u2665"], "parameters": {"num_beams": 3}})").body,
      R"([{"summary_text":"summary of b with 3 beams"},{"summary_text":"summary of ä ♥ with 3 beams"}])");
  EXPECT_EQ(invoke(R"({"inputs": []})").body, "[]");
  EXPECT_EQ(invoke(R"({"inputs": "a"})", "").body, one.body) << "JSON when no Content-Type is given";
}

TEST_F(Worker, NamesTheResultByTheTask) {
  start({}, Task::kText2TextGeneration);
  EXPECT_EQ(invoke(R"({"inputs": "a"})").body, R"([{"generated_text":"summary of a"}])");
}

TEST_F(Worker, AnswersSeveralSequencesAsThePipelinesDo) {
  start();
  const std::string two = R"(, "parameters": {"num_return_sequences": 2, "num_beams": 2}})";
  EXPECT_EQ(invoke(R"({"inputs": "a")" + two).body,
            R"([{"summary_text":"summary of a with 2 beams"},{"summary_text":"summary of a with 2 beams"}])");
  EXPECT_EQ(
      invoke(R"({"inputs": ["a"])" + two).body,
      R"([[{"summary_text":"summary of a with 2 beams"},{"summary_text":"summary of a with 2 beams"}]])");
}

TEST_F(Worker, TakesTheParametersOfItsTask) {
  start({}, Task::kTextGeneration);
  EXPECT_EQ(invoke(R"({"inputs": "a", "parameters": {"return_full_text": true}})").body,
            R"([{"generated_text":"a: summary of a"}])");
  EXPECT_EQ(invoke(R"({"inputs": "a", "parameters": {"return_full_text": 1}})").status, 400);
}

TEST_F(Worker, SpeaksCsv) {
  start();
  const std::string csv = "inputs\r\nfirst\r\n\"se,cond\"\r\n";
  EXPECT_EQ(invoke(csv, "Content-Type: text/csv\r\n").body,
            R"([{"summary_text":"summary of first"},{"summary_text":"summary of se,cond"}])");
  const HttpReply both = invoke(csv, "Content-Type: text/csv; charset=utf-8\r\nAccept: text/csv\r\n");
  EXPECT_EQ(both.headers.at("content-type"), "text/csv");
  EXPECT_EQ(both.body, "summary_text\r\nsummary of first\r\n\"summary of se,cond\"\r\n");
}

TEST_F(Worker, RefusesWhatItCannotRead) {
  start();
  const auto refused = [&](const std::string& body, const std::string& fields, const std::string& said) {
    const HttpReply reply = invoke(body, fields);
    EXPECT_EQ(reply.status, 400) << body;
    EXPECT_EQ(reply.headers.at("content-type"), "application/json");
    EXPECT_TRUE(reply.body.starts_with("{\"error\":\"")) << reply.body;
    EXPECT_NE(reply.body.find(said), std::string::npos) << reply.body;
  };
  refused("Canary", "Content-Type: text/plain\r\n", "Content-Type");
  refused("{", "Content-Type: application/json\r\n", "not valid JSON");
  refused("{}", "", "'inputs' is missing");
  refused(R"({"inputs": "a", "parameters": {"num_beams": -1}})", "", "'num_beams'");
  refused(R"({"inputs": "a"})", "Accept: image/png\r\n", "Accept");
  refused(R"({"inputs": "a"})", "Content-Encoding: gzip\r\n", "Content-Encoding");
  refused(R"({"inputs": ["a", "refuse"]})", "", "'inputs[1]'");
  EXPECT_EQ(fetch(server_->port(), "GET", "/nowhere").body, R"({"error":"There is nothing at this path."})");
  const HttpReply wrong_method = fetch(server_->port(), "GET", "/invocations");
  EXPECT_EQ(wrong_method.status, 405);
  EXPECT_EQ(wrong_method.headers.at("allow"), "POST");
  EXPECT_EQ(fetch(server_->port(), "POST", "/ping", "x").status, 405);
}

TEST_F(Worker, LimitsBodies) {
  WorkerOptions options;
  options.max_body_bytes = 100;
  start(options);
  const std::string fits = R"({"inputs": ")" + std::string(100 - 14, 'x') + "\"}";
  ASSERT_EQ(fits.size(), 100U);
  EXPECT_EQ(invoke(fits).status, 200);
  const HttpReply reply = invoke(fits + " ");
  EXPECT_EQ(reply.status, 413);
  EXPECT_EQ(reply.body, R"({"error":"The request's body is larger than 100 bytes."})");
}

TEST_F(Worker, SixtyFourClientsAtOnceGetTheAnswerToTheirOwnNote) {
  start();
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> clients;
    for (int c = 0; c < 64; ++c) {
      clients.emplace_back([&, c] {
        HttpClient client(server_->port());
        for (int i = 0; i < 10; ++i) {
          const std::string note = fmt::format("note {} of client {}", i, c);
          const int beams = 1 + c % 3;
          client.send(http_request(
              "POST", "/invocations",
              fmt::format(R"({{"inputs": "{}", "parameters": {{"num_beams": {}}}}})", note, beams)));
          const std::string with = beams == 1 ? "" : fmt::format(" with {} beams", beams);
          if (client.read_reply().body ==
              fmt::format(R"([{{"summary_text":"summary of {}{}"}}])", note, with)) {
            ++right;
          }
        }
      });
    }
  }
  EXPECT_EQ(right, 640);
}

TEST_F(Worker, SaysWhenItsQueueIsFullAndStaysResponsive) {
  WorkerOptions options;
  options.scheduler.max_waiting = 2;
  options.scheduler.max_running = 1;
  start(options);
  service_->hold();
  HttpClient running = invoke_later("running");
  ASSERT_TRUE(service_->wait_for_calls(kWarmUpCalls + 1));
  const HttpClient first = invoke_later("first");
  const HttpClient second = invoke_later("second");
  // How soon the two are counted is the worker's affair, so ask until there is no room.
  HttpReply refused;
  do {
    refused = invoke("{}");
  } while (refused.status == 400);
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers.count("retry-after"), 1U);
  EXPECT_EQ(fetch(server_->port(), "GET", "/ping").status, 200);
  service_->release();
  EXPECT_EQ(running.read_reply().status, 200);
}

TEST_F(Worker, CancelsTheWorkOfAClientThatLeft) {
  start();
  service_->hold();
  HttpClient client = invoke_later("abandoned");
  ASSERT_TRUE(service_->wait_for_calls(kWarmUpCalls + 1));
  client.close();
  EXPECT_TRUE(service_->wait_for_cancelled(1));
}

TEST_F(Worker, CancelsWorkAtTheDeadline) {
  WorkerOptions options;
  options.request_timeout = std::chrono::milliseconds(50);
  start(options);
  service_->hold();
  EXPECT_EQ(invoke(R"({"inputs": "slow"})").status, 504);
  EXPECT_TRUE(service_->wait_for_cancelled(1));
}

TEST_F(Worker, FinishesRunningRequestsBeforeItEnds) {
  start();
  service_->hold();
  HttpClient client = invoke_later("last");
  ASSERT_TRUE(service_->wait_for_calls(kWarmUpCalls + 1));
  (**server_).shutdown();
  service_->release();
  EXPECT_EQ(client.read_reply().body, R"([{"summary_text":"summary of last"}])");
  server_->join();
}

TEST_F(Worker, AModelThatFailsGives500AndServesOn) {
  start();
  EXPECT_EQ(invoke(R"({"inputs": "fail"})").body, R"({"error":"The model failed."})");
  EXPECT_EQ(invoke(R"({"inputs": "throw"})").status, 500);
  EXPECT_EQ(invoke(R"({"inputs": "a"})").status, 200);
}

TEST_F(Worker, StreamsTheTextAsItComes) {
  start();
  HttpClient client(server_->port());
  client.send(http_request("POST", "/invocations", R"({"inputs": "a", "stream": true})"));
  const std::string head = client.read_head();
  EXPECT_NE(head.find("Content-Type: text/event-stream"), std::string::npos) << head;
  EXPECT_NE(head.find("Transfer-Encoding: chunked"), std::string::npos) << head;
  const HttpReply whole = invoke(R"({"inputs": "a", "stream": true})");
  EXPECT_NE(whole.body.find(R"(data: {"delta":"summary"})"), std::string::npos) << whole.body;
  EXPECT_NE(whole.body.find(R"(data: {"delta":" of"})"), std::string::npos) << whole.body;
  EXPECT_NE(whole.body.find(R"(data: {"summary_text":"summary of a"})"), std::string::npos) << whole.body;
}

TEST_F(Worker, RefusesAStreamBeforeItBegins) {
  start();
  EXPECT_EQ(invoke(R"({"inputs": ["a", "b"], "stream": true})").status, 400);
  EXPECT_EQ(invoke(R"({"inputs": "a", "stream": "yes"})").status, 400);
  const HttpReply refused = invoke(R"({"inputs": "refuse", "stream": true})");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.body, R"({"error":"The note is blank."})");
}

TEST_F(Worker, AModelThatCannotSummariseIsNotServed) {
  class Broken final : public SummarizationService {
    Result<std::vector<Texts>> summarize(std::span<const ClinicalText>, const TextSettings&,
                                         std::stop_token) override {
      return Error{ErrorCode::kCorrupt, "The weights are damaged.", ""};
    }
    Result<std::string> summarize_streaming(const ClinicalText&, const TextSettings&,
                                            const std::function<void(std::string_view)>&,
                                            std::stop_token) override {
      return Error{ErrorCode::kCorrupt, "The weights are damaged.", ""};
    }
    const TextSettings& default_settings() const noexcept override { return settings_; }
    TextSettings settings_;
  };
  listen();
  const Result<void> opened = api_->open(std::make_shared<Broken>(), Task::kSummarization);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(fetch(server_->port(), "GET", "/ping").status, 503);
}

TEST_F(Worker, NoteTextReachesNeitherLogsNorErrors) {
  ::testing::internal::CaptureStderr();
  start();
  const std::string canary = "Zebulon Quirke";
  std::string errors;
  const auto probe = [&](const std::string& body, const std::string& fields = "",
                         const std::string& path = "/invocations", const std::string& method = "POST") {
    const HttpReply reply = fetch(server_->port(), method, path, body, fields);
    if (reply.status != 200) errors += reply.body;
  };
  for (const char* kind : {"", "refuse ", "fail ", "throw "}) {
    probe(fmt::format(R"({{"inputs": "{}{}"}})", kind, canary));
    probe(fmt::format(R"({{"inputs": ["a", "{}{}"]}})", kind, canary));
    probe(fmt::format("inputs\r\n{}{}\r\n", kind, canary), "Content-Type: text/csv\r\n");
  }
  probe(canary);
  probe(canary, "Content-Type: text/csv\r\n");
  probe(fmt::format("inputs\r\n\"{}\r\n", canary), "Content-Type: text/csv\r\n");
  probe(fmt::format(R"({{"inputs": "{})", canary));
  probe(fmt::format(R"({{"{}": 1}})", canary));
  probe(fmt::format(R"({{"inputs": {{"{}": 1}}}})", canary));
  probe(fmt::format(R"({{"inputs": "a", "parameters": {{"{}": 1}}}})", canary));
  probe(fmt::format(R"({{"inputs": "a", "parameters": {{"num_beams": "{}"}}}})", canary));
  probe("{}", fmt::format("Content-Type: {}\r\n", canary));
  probe("{}", fmt::format("Accept: {}\r\n", canary));
  probe("{}", fmt::format("Content-Encoding: {}\r\n", canary));
  probe("{}", fmt::format("{}: x\r\n", canary));
  probe("", "", fmt::format("/Zebulon-{}", "Quirke"), "GET");
  probe("", "", "/Zebulon", "Zebulon");
  probe("", fmt::format("Expect: {}\r\n", canary), "/invocations");
  service_->hold();
  HttpClient left = invoke_later(canary);
  ASSERT_TRUE(service_->wait_for_calls(service_->calls().size()));
  left.close();
  TearDown();
  const std::string logged = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(logged.find("http.request"), std::string::npos);
  EXPECT_NE(errors.find("error"), std::string::npos);
  for (const char* word : {"Zebulon", "Quirke"}) {
    EXPECT_EQ(logged.find(word), std::string::npos) << logged;
    EXPECT_EQ(errors.find(word), std::string::npos) << errors;
  }
}

}  // namespace
}  // namespace epicrisis::api
