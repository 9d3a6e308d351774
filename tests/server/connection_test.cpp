// The life of a connection, seen from the wire: what RFC 9110 and RFC 9112 ask of a server.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <utility>

#include "server/server.hpp"
#include "support/http_client.hpp"
#include "support/running_server.hpp"

namespace epicrisis::server {
namespace {

using epicrisis::testing::fetch;
using epicrisis::testing::http_request;
using epicrisis::testing::HttpClient;
using epicrisis::testing::HttpReply;
using epicrisis::testing::RunningServer;

Router echo_router() {
  Router router;
  const Handler echo = [](const Request& request, const std::stop_token&, const Responder& responder) {
    responder.send({200,
                    "text/plain",
                    {},
                    ClinicalText(request.method + " " + request.query + " " + request.body.reveal())});
  };
  router.add("GET", "/echo", {.name = "echo", .handler = echo});
  router.add("POST", "/echo", {.name = "echo", .handler = echo});
  router.add("POST", "/small", {.name = "small", .handler = echo, .max_body_bytes = 10});
  router.add("GET", "/throws",
             {.name = "throws", .handler = [](const Request&, const std::stop_token&, const Responder&) {
                throw std::runtime_error("Canary");
              }});
  router.add("GET", "/forgets",
             {.name = "forgets", .handler = [](const Request&, const std::stop_token&, const Responder&) {}});
  return router;
}

class Connection : public ::testing::Test {
 protected:
  RunningServer server_{echo_router()};
};

TEST_F(Connection, AnswersWithLengthAndDate) {
  const HttpReply reply = fetch(server_.port(), "GET", "/echo?a=b");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "GET a=b ");
  EXPECT_EQ(reply.headers.at("content-type"), "text/plain");
  EXPECT_TRUE(reply.headers.at("date").ends_with(" GMT"));
}

TEST_F(Connection, StaysOpenAfterAnswersAndAfterErrors) {
  HttpClient client(server_.port());
  for (int i = 0; i < 3; ++i) {
    client.send(http_request("POST", "/echo", std::to_string(i)));
    EXPECT_EQ(client.read_reply().body, fmt::format("POST  {}", i));
    client.send(http_request("GET", "/nowhere"));
    EXPECT_EQ(client.read_reply().status, 404);
    client.send(http_request("PUT", "/echo", "body that is read and dropped"));
    const HttpReply refused = client.read_reply();
    EXPECT_EQ(refused.status, 405);
    EXPECT_EQ(refused.headers.at("allow"), "GET, HEAD, POST");
  }
}

TEST_F(Connection, AnswersPipelinedRequestsInOrder) {
  HttpClient client(server_.port());
  std::string requests;
  for (int i = 0; i < 50; ++i) requests += http_request("POST", "/echo", std::to_string(i));
  client.send(requests);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(client.read_reply().body, fmt::format("POST  {}", i));
}

TEST_F(Connection, ReadsRequestsSentByteByByte) {
  HttpClient client(server_.port());
  for (const char c : http_request("POST", "/echo", "slow")) client.send(std::string_view(&c, 1));
  EXPECT_EQ(client.read_reply().body, "POST  slow");
}

TEST_F(Connection, ReadsChunkedBodies) {
  HttpClient client(server_.port());
  client.send("POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n");
  client.send("5;extension=1\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nTrailer: x\r\n\r\n");
  EXPECT_EQ(client.read_reply().body, "POST  hello world");
  client.send(http_request("GET", "/echo"));
  EXPECT_EQ(client.read_reply().status, 200);
}

TEST_F(Connection, HeadHasTheLengthButNoBody) {
  HttpClient client(server_.port());
  client.send(http_request("HEAD", "/echo"));
  const HttpReply reply = client.read_reply(true);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers.at("content-length"), "6");
  client.send(http_request("HEAD", "/nowhere"));
  EXPECT_EQ(client.read_reply(true).status, 404);
  client.send(http_request("GET", "/echo"));  // in step: HEAD sent no body
  EXPECT_EQ(client.read_reply().body, "GET  ");
}

TEST_F(Connection, ContinuesWhenTheClientWaitsForIt) {
  HttpClient client(server_.port());
  client.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_head(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("body");
  EXPECT_EQ(client.read_reply().body, "POST  body");
}

TEST_F(Connection, RefusesBeforeTheBodyIsSent) {
  for (const auto& [path, status] : {std::pair{"/small", 413}, std::pair{"/nowhere", 404}}) {
    HttpClient client(server_.port());
    client.send(std::string("POST ") + path +
                " HTTP/1.1\r\nHost: t\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n");
    const std::string head = client.read_head();
    EXPECT_NE(head.find(fmt::format(" {} ", status)), std::string::npos) << head;
    EXPECT_NE(head.find("Connection: close"), std::string::npos) << head;
  }
  HttpClient client(server_.port());
  client.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nExpect: magic\r\n\r\n");
  EXPECT_EQ(client.read_reply().status, 417);
}

TEST_F(Connection, ClosesAsAsked) {
  HttpClient client(server_.port());
  client.send(http_request("GET", "/echo", "", "Connection: close\r\n"));
  EXPECT_EQ(client.read_reply().headers.at("connection"), "close");
  EXPECT_TRUE(client.is_closed_by_peer());
}

TEST_F(Connection, SpeaksHttp10) {
  HttpClient client(server_.port());
  client.send("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(client.read_reply().headers.at("connection"), "keep-alive");
  client.send("GET /echo HTTP/1.0\r\n\r\n");
  EXPECT_EQ(client.read_reply().headers.at("connection"), "close");
  EXPECT_TRUE(client.is_closed_by_peer());
}

TEST_F(Connection, AnswersAClientThatClosedItsSendingHalf) {
  HttpClient client(server_.port());
  client.send(http_request("POST", "/echo", "last words"));
  client.end_input();
  EXPECT_EQ(client.read_reply().body, "POST  last words");
}

TEST_F(Connection, AcceptsAbsoluteTargets) {
  HttpClient client(server_.port());
  client.send("GET http://host:80/echo?q=/x HTTP/1.1\r\nHost: host\r\n\r\n");
  EXPECT_EQ(client.read_reply().body, "GET q=/x ");
}

TEST_F(Connection, AnHandlerThatFailsOrForgetsGives500) {
  HttpClient client(server_.port());
  for (const char* path : {"/throws", "/forgets"}) {
    client.send(http_request("GET", path));
    const HttpReply reply = client.read_reply();
    EXPECT_EQ(reply.status, 500) << path;
    EXPECT_EQ(reply.body, "The request failed inside the server.\n");
  }
}

struct Malformed {
  const char* name;
  const char* bytes;
  int status;
};
class MalformedRequest : public ::testing::TestWithParam<Malformed> {};

TEST_P(MalformedRequest, IsRefusedWithoutQuotingIt) {
  RunningServer server(echo_router());
  HttpClient client(server.port());
  client.send(GetParam().bytes);
  const HttpReply reply = client.read_reply();
  EXPECT_EQ(reply.status, GetParam().status) << reply.body;
  EXPECT_EQ(reply.body.find("Canary"), std::string::npos) << reply.body;
  client.end_input();
  EXPECT_TRUE(client.is_closed_by_peer());
  EXPECT_EQ(fetch(server.port(), "GET", "/echo").status, 200);
}

INSTANTIATE_TEST_SUITE_P(
    Requests, MalformedRequest,
    ::testing::Values(
        Malformed{"no_http", "Canary fell at home\r\n\r\n", 400},
        Malformed{"no_version", "GET /Canary\r\n\r\n", 400},
        Malformed{"http2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
        Malformed{"bad_field", "GET /echo HTTP/1.1\r\nCanary fell\r\n\r\n", 400},
        Malformed{"bad_length", "POST /echo HTTP/1.1\r\nContent-Length: Canary\r\n\r\n", 400},
        Malformed{"negative_length", "POST /echo HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400},
        Malformed{"two_lengths", "POST /echo HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                  400},
        Malformed{"length_and_chunked",
                  "POST /echo HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                  400},
        Malformed{"unknown_coding", "POST /echo HTTP/1.1\r\nTransfer-Encoding: canary\r\n\r\n", 501},
        Malformed{"bad_chunk", "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nCanary\r\n", 400},
        Malformed{"huge_length", "POST /echo HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n", 413}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace epicrisis::server
