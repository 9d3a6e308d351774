// Work that outlasts a request's client, its deadline or the server.
#include "server/server.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "server/compute_pool.hpp"
#include "support/http_client.hpp"
#include "support/running_server.hpp"

namespace epicrisis::server {
namespace {

using epicrisis::testing::fetch;
using epicrisis::testing::http_request;
using epicrisis::testing::HttpClient;
using epicrisis::testing::HttpReply;
using epicrisis::testing::RunningServer;
using std::chrono::milliseconds;

/// A handler whose answers wait until the test releases them, and which reports when it was told to stop.
class Gate {
 public:
  Handler handler() {
    return [this](Request request, std::stop_token stop, Responder responder) {
      auto work = [this, request = std::move(request), stop = std::move(stop),
                   responder = std::move(responder)] {
        std::unique_lock lock(mutex_);
        ++started_;
        changed_.notify_all();
        const std::stop_callback on_stop(stop, [this] { changed_.notify_all(); });
        while (!open_ && !stop.stop_requested()) changed_.wait_for(lock, milliseconds(10));
        if (stop.stop_requested()) ++stopped_;
        changed_.notify_all();
        responder.send({200, "", {}, ClinicalText(fmt::format("done {}", request.query))});
      };
      if (!pool_.try_submit(std::move(work))) ADD_FAILURE() << "the pool is full";
    };
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void wait_for_started(int count) {
    wait([&] { return started_ >= count; });
  }
  void wait_for_stopped(int count) {
    wait([&] { return stopped_ >= count; });
  }
  int stopped() {
    const std::lock_guard lock(mutex_);
    return stopped_;
  }
  void end() {
    open();
    pool_.stop();
  }

 private:
  template <class Condition>
  void wait(Condition condition) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, std::chrono::seconds(30), condition));
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  int started_ = 0;    // guarded by mutex_
  int stopped_ = 0;    // guarded by mutex_
  bool open_ = false;  // guarded by mutex_
  ComputePool pool_{8, 64};
};

class LongWork : public ::testing::Test {
 protected:
  Router router() {
    Router router;
    router.add("GET", "/work", {.name = "work", .handler = gate_.handler()});
    router.add("GET", "/brief", {.name = "brief", .handler = gate_.handler(), .timeout = milliseconds(50)});
    router.add(
        "GET", "/ping",
        {.name = "ping", .handler = [](const Request&, const std::stop_token&, const Responder& responder) {
           responder.send(Response{});
         }});
    return router;
  }
  void TearDown() override { gate_.end(); }

  Gate gate_;
};

TEST_F(LongWork, DoesNotDelayOtherRequests) {
  RunningServer server(router());
  HttpClient client(server.port());
  client.send(http_request("GET", "/work?a"));
  gate_.wait_for_started(1);
  EXPECT_EQ(fetch(server.port(), "GET", "/ping").status, 200);
  gate_.open();
  EXPECT_EQ(client.read_reply().body, "done a");
  EXPECT_EQ(gate_.stopped(), 0);
  gate_.end();
}

TEST_F(LongWork, StopsWhenTheClientCloses) {
  RunningServer server(router());
  for (const bool reset : {false, true}) {
    HttpClient client(server.port());
    client.send(http_request("GET", "/work"));
    gate_.wait_for_started(reset ? 2 : 1);
    client.close(reset);
    gate_.wait_for_stopped(reset ? 2 : 1);
  }
  gate_.end();
}

TEST_F(LongWork, StopsWhenAPipeliningClientCloses) {
  RunningServer server(router());
  HttpClient client(server.port());
  client.send(http_request("GET", "/work"));
  gate_.wait_for_started(1);
  client.send(http_request("GET", "/work?second"));
  client.close(true);
  gate_.wait_for_stopped(1);
  gate_.end();
}

TEST_F(LongWork, StopsWhenAnHttp10ClientCloses) {
  RunningServer server(router());
  HttpClient client(server.port());
  client.send("GET /work HTTP/1.0\r\n\r\n");
  gate_.wait_for_started(1);
  client.close();
  gate_.wait_for_stopped(1);
  gate_.end();
}

TEST_F(LongWork, GoesOnForAClientThatClosedItsSendingHalf) {
  RunningServer server(router());
  HttpClient client(server.port());
  client.send(http_request("GET", "/work?half"));
  gate_.wait_for_started(1);
  client.end_input();
  EXPECT_EQ(client.read_head(), "HTTP/1.1 100 Continue\r\n\r\n");  // asks whether anybody is there
  EXPECT_EQ(fetch(server.port(), "GET", "/ping").status, 200);
  gate_.open();
  EXPECT_EQ(client.read_reply().body, "done half");
  EXPECT_EQ(gate_.stopped(), 0);
  gate_.end();
}

TEST_F(LongWork, PipelinedRequestsWaitTheirTurn) {
  RunningServer server(router());
  HttpClient client(server.port());
  client.send(http_request("GET", "/work?first") + http_request("GET", "/work?second"));
  gate_.wait_for_started(1);
  gate_.open();
  EXPECT_EQ(client.read_reply().body, "done first");
  EXPECT_EQ(client.read_reply().body, "done second");
  gate_.end();
}

TEST_F(LongWork, StopsAtTheDeadlineAndTheConnectionLivesOn) {
  RunningServer server(router());
  HttpClient client(server.port());
  client.send(http_request("GET", "/brief"));
  EXPECT_EQ(client.read_reply().status, 504);
  gate_.wait_for_stopped(1);
  client.send(http_request("GET", "/ping"));
  EXPECT_EQ(client.read_reply().status, 200);
  gate_.end();
}

TEST_F(LongWork, IsFinishedBeforeAShutdownEnds) {
  RunningServer server(router());
  HttpClient idle(server.port());
  HttpClient client(server.port());
  client.send(http_request("GET", "/work?last"));
  gate_.wait_for_started(1);
  (*server).shutdown();
  EXPECT_TRUE(idle.is_closed_by_peer());
  EXPECT_THROW(HttpClient{server.port()}, std::runtime_error);
  gate_.open();
  const HttpReply reply = client.read_reply();
  EXPECT_EQ(reply.body, "done last");
  EXPECT_EQ(reply.headers.at("connection"), "close");
  server.join();
  EXPECT_EQ(gate_.stopped(), 0);
  gate_.end();
}

TEST_F(LongWork, IsStoppedWhenTheGraceOfAShutdownEnds) {
  ServerOptions options;
  options.limits.shutdown_grace = milliseconds(50);
  RunningServer server(router(), options);
  HttpClient client(server.port());
  client.send(http_request("GET", "/work"));
  gate_.wait_for_started(1);
  (*server).shutdown();
  server.join();
  gate_.wait_for_stopped(1);
  EXPECT_TRUE(client.is_closed_by_peer());
  gate_.end();
}

TEST_F(LongWork, ASecondSignalEndsAtOnce) {
  ServerOptions options;
  options.shutdown_on_signals = true;
  RunningServer server(router(), options);
  HttpClient idle(server.port());
  HttpClient client(server.port());
  client.send(http_request("GET", "/work"));
  gate_.wait_for_started(1);
  std::raise(SIGTERM);
  EXPECT_TRUE(idle.is_closed_by_peer());
  EXPECT_EQ(gate_.stopped(), 0);
  std::raise(SIGTERM);
  server.join();
  gate_.wait_for_stopped(1);
  gate_.end();
}

TEST_F(LongWork, AnIdleServerEndsOnTheFirstSignal) {
  ServerOptions options;
  options.shutdown_on_signals = true;
  RunningServer server(router(), options);
  HttpClient idle(server.port());
  EXPECT_EQ(fetch(server.port(), "GET", "/ping").status, 200);
  std::raise(SIGTERM);
  server.join();
}

TEST(Server, ServesManyClientsOnSeveralThreads) {
  Router router;
  router.add("POST", "/echo",
             {.name = "echo",
              .handler = [](const Request& request, const std::stop_token&, const Responder& responder) {
                responder.send({200, "", {}, request.body});
              }});
  ServerOptions options;
  options.io_threads = 3;
  RunningServer server(std::move(router), options);
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> clients;
    for (int c = 0; c < 64; ++c) {
      clients.emplace_back([&, c] {
        HttpClient client(server.port());
        for (int i = 0; i < 20; ++i) {
          const std::string body = fmt::format("{}/{}", c, i);
          client.send(http_request("POST", "/echo", body));
          if (client.read_reply().body == body) ++right;
        }
      });
    }
  }
  EXPECT_EQ(right, 64 * 20);
}

TEST(Server, SaysWhenThePortIsTaken) {
  RunningServer server(Router{});
  ServerOptions options;
  options.endpoint.port = server.port();
  const auto second = Server::listen(options, Router{});
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
}

TEST(Endpoint, ReadsAddressAndPort) {
  EXPECT_EQ(parse_endpoint("127.0.0.1:8080")->to_string(), "127.0.0.1:8080");
  EXPECT_EQ(parse_endpoint("localhost:0")->to_string(), "127.0.0.1:0");
  EXPECT_EQ(parse_endpoint(":9")->to_string(), "127.0.0.1:9");
  EXPECT_EQ(parse_endpoint("[::1]:80")->to_string(), "[::1]:80");
  EXPECT_TRUE(parse_endpoint("[::1]:80")->is_loopback());
  EXPECT_TRUE(parse_endpoint("127.3.2.1:80")->is_loopback());
  EXPECT_FALSE(parse_endpoint("0.0.0.0:80")->is_loopback());
  for (const char* bad : {"", "8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1:80",
                          "host:80", "127.0.0.1:80x", "[127.0.0.1]:80"}) {
    EXPECT_FALSE(parse_endpoint(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace epicrisis::server
