// What one client may take: sizes, time, connections. Timeouts are short so that tests wait little, and no
// test asserts how long anything took.
#include "server/limits.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

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

Router size_router() {
  Router router;
  const Handler size = [](const Request& request, const std::stop_token&, const Responder& responder) {
    responder.send({200, "text/plain", {}, ClinicalText(std::to_string(request.body.size_bytes()))});
  };
  router.add("POST", "/size", {.name = "size", .handler = size});
  return router;
}

ServerOptions with(void (*change)(Limits&)) {
  ServerOptions options;
  change(options.limits);
  return options;
}

std::string chunked(const std::string& chunk, int times) {
  std::string request = "POST /size HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string framed = fmt::format("{:x}\r\n{}\r\n", chunk.size(), chunk);
  for (int i = 0; i < times; ++i) request += framed;
  return request + "0\r\n\r\n";
}

TEST(BodyLimit, TakesTheLastByteAndNoMore) {
  RunningServer server(size_router(), with([](Limits& limits) { limits.max_body_bytes = 300'000; }));
  EXPECT_EQ(fetch(server.port(), "POST", "/size", std::string(300'000, 'x')).body, "300000");
  const HttpReply refused = fetch(server.port(), "POST", "/size", std::string(300'001, 'x'));
  EXPECT_EQ(refused.status, 413);
  EXPECT_EQ(refused.headers.at("connection"), "close");
}

TEST(BodyLimit, HoldsForChunkedBodies) {
  RunningServer server(size_router(), with([](Limits& limits) { limits.max_body_bytes = 10'000; }));
  for (const auto& [times, status] : {std::pair{10, 200}, std::pair{11, 413}}) {
    HttpClient client(server.port());
    client.send(chunked(std::string(1000, 'x'), times));
    EXPECT_EQ(client.read_reply().status, status);
  }
}

TEST(BodyLimit, AnAnswerArrivesThoughTheClientSendsOn) {
  RunningServer server(size_router(), with([](Limits& limits) { limits.max_body_bytes = 1000; }));
  HttpClient client(server.port());
  client.send("POST /size HTTP/1.1\r\nHost: t\r\nContent-Length: 50000000\r\n\r\n");
  const std::string part(1 << 20, 'x');
  for (int i = 0; i < 20; ++i) client.send(part);
  EXPECT_EQ(client.read_reply().status, 413);
}

TEST(BodyLimit, AllBodiesTogetherAreLimited) {
  RunningServer server(size_router(), with([](Limits& limits) { limits.max_buffered_bytes = 5000; }));
  // Which of two bodies is counted first is the server's affair, so try until the large one was.
  HttpReply refused;
  HttpReply held;
  for (int attempt = 0; attempt < 1000 && held.body != "5000"; ++attempt) {
    HttpClient holding(server.port());
    holding.send("POST /size HTTP/1.1\r\nHost: t\r\nContent-Length: 5000\r\n\r\n" + std::string(4990, 'x'));
    refused = fetch(server.port(), "POST", "/size", std::string(11, 'x'));
    if (refused.status == 200) continue;
    holding.send(std::string(10, 'x'));
    held = holding.read_reply();
  }
  EXPECT_EQ(held.body, "5000");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers.count("retry-after"), 1U);
}

TEST(HeaderLimit, RefusesHugeHeaders) {
  RunningServer server(size_router());
  const std::string long_field = fmt::format("X-Long: {:x<40000}\r\n", "");
  EXPECT_EQ(fetch(server.port(), "POST", "/size", "", long_field).status, 431);
  std::string many;
  for (int i = 0; i < 4000; ++i) many += "X-A: 12345\r\n";
  EXPECT_EQ(fetch(server.port(), "POST", "/size", "", many).status, 431);
  EXPECT_EQ(fetch(server.port(), "POST", fmt::format("/{:x<40000}", "")).status, 431);
  EXPECT_EQ(fetch(server.port(), "POST", "/size", "ab").body, "2");
}

TEST(Timeouts, AnIdleConnectionIsClosed) {
  RunningServer server(size_router(), with([](Limits& limits) { limits.idle_timeout = milliseconds(50); }));
  HttpClient client(server.port());
  EXPECT_TRUE(client.is_closed_by_peer());
}

TEST(Timeouts, AHeaderThatDripsInIsCutOff) {
  RunningServer server(size_router(),
                       with([](Limits& limits) { limits.header_timeout = milliseconds(200); }));
  HttpClient client(server.port());
  client.send("POST /size HTTP/1.1\r\n");
  while (client.send("X-Drip: 1\r\n")) {
    struct timespec pause {
      0, 10'000'000
    };
    nanosleep(&pause, nullptr);
  }
  SUCCEED() << "the server closed the connection, or send() would have gone on";
}

TEST(Timeouts, ASlowHeaderOrBodyGets408) {
  RunningServer server(size_router(), with([](Limits& limits) {
                         limits.header_timeout = milliseconds(50);
                         limits.body_timeout = milliseconds(50);
                       }));
  for (const char* start : {"POST /size HT", "POST /size HTTP/1.1\r\nContent-Length: 10\r\n\r\n12345",
                            "POST /size HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"}) {
    HttpClient client(server.port());
    client.send(start);
    EXPECT_EQ(client.read_reply().status, 408) << start;
  }
}

TEST(Timeouts, AClientThatDoesNotReadIsCutOff) {
  Router router;
  router.add(
      "GET", "/large",
      {.name = "large", .handler = [](const Request&, const std::stop_token&, const Responder& responder) {
         responder.send({200, "", {}, ClinicalText(std::string(64 << 20, 'x'))});
       }});
  RunningServer server(std::move(router),
                       with([](Limits& limits) { limits.write_timeout = milliseconds(100); }));
  HttpClient client(server.port());
  client.send(http_request("GET", "/large"));
  (*server).shutdown();  // returns once the connection has ended: at the timeout
  server.join();
}

TEST(ConnectionLimit, IdleConnectionsMakeRoom) {
  RunningServer server(size_router(), with([](Limits& limits) { limits.max_connections = 8; }));
  std::vector<HttpClient> idle;
  for (int i = 0; i < 50; ++i) idle.emplace_back(server.port());
  EXPECT_EQ(fetch(server.port(), "POST", "/size", "abc").body, "3");
  EXPECT_TRUE(idle.front().is_closed_by_peer());
}

TEST(ConnectionLimit, WhenAllAreWorkingNewOnesAreToldSo) {
  RunningServer server(size_router(), with([](Limits& limits) { limits.max_connections = 2; }));
  std::vector<HttpClient> working;
  for (int i = 0; i < 2; ++i) {
    working.emplace_back(server.port());
    working.back().send("POST /size HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(working.back().read_head(), "HTTP/1.1 100 Continue\r\n\r\n");
  }
  const HttpReply refused = fetch(server.port(), "POST", "/size", "abc");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers.count("retry-after"), 1U);
  for (HttpClient& client : working) {
    client.send("ab");
    EXPECT_EQ(client.read_reply().body, "2");
  }
}

TEST(SlowConnections, DoNotDelayOthers) {
  RunningServer server(size_router());
  std::vector<HttpClient> slow;
  for (int i = 0; i < 200; ++i) {
    slow.emplace_back(server.port());
    if (i % 3 == 1) slow.back().send("POST /size HT");
    if (i % 3 == 2) slow.back().send("POST /size HTTP/1.1\r\nContent-Length: 10\r\n\r\n12");
  }
  EXPECT_EQ(fetch(server.port(), "POST", "/size", "abc").body, "3");
  slow[2].send("34567890");
  EXPECT_EQ(slow[2].read_reply().body, "10");
}

}  // namespace
}  // namespace epicrisis::server
