#include "server/router.hpp"

#include <gtest/gtest.h>

#include "base/check.hpp"
#include "server/detail/response_head.hpp"

namespace epicrisis::server {
namespace {

Router two_paths() {
  const Handler nothing = [](const Request&, const std::stop_token&, const Responder&) {};
  Router router;
  router.add("GET", "/ping", {.name = "ping", .handler = nothing});
  router.add("POST", "/invocations", {.name = "invocations", .handler = nothing});
  router.add("GET", "/both", {.name = "get", .handler = nothing});
  router.add("POST", "/both", {.name = "post", .handler = nothing});
  return router;
}

TEST(Router, FindsTheRouteOfMethodAndPath) {
  const Router router = two_paths();
  EXPECT_EQ(router.match("GET", "/both").route->name, "get");
  EXPECT_EQ(router.match("POST", "/both").route->name, "post");
  EXPECT_EQ(router.match("HEAD", "/ping").route->name, "ping");
}

TEST(Router, TellsUnknownPathsFromWrongMethods) {
  const Router router = two_paths();
  EXPECT_EQ(router.match("GET", "/").status, 404);
  EXPECT_EQ(router.match("GET", "/ping/").status, 404);
  EXPECT_EQ(router.match("GET", "/invocations").status, 405);
  EXPECT_EQ(router.match("GET", "/invocations").allow, "POST");
  EXPECT_EQ(router.match("PUT", "/both").allow, "GET, HEAD, POST");
  EXPECT_EQ(router.match("HEAD", "/invocations").status, 405);
}

TEST(Headers, NamesIgnoreCaseAndRepeatedFieldsJoin) {
  Headers headers;
  headers.add("Accept", "text/csv");
  headers.add("ACCEPT", "application/json");
  EXPECT_EQ(headers.find("accept"), "text/csv");
  EXPECT_EQ(headers.joined("aCCept"), "text/csv, application/json");
  EXPECT_FALSE(headers.find("Accep").has_value());
}

TEST(ResponseHead, RefusesFieldsThatWouldBreakTheFraming) {
  Response response;
  response.headers.add("X-Note", "a\r\nInjected: b");
  EXPECT_THROW(detail::response_head(response, {}), InvariantError);
}

}  // namespace
}  // namespace epicrisis::server
