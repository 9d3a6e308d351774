#include "hub/detail/http_client.hpp"

#include <gtest/gtest.h>

namespace epicrisis::detail {
namespace {

TEST(ParseUrl, SeesWhatTheClientSees) {
  const auto url = parse_url("HTTPS://Hub.Example/a/b");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->origin, "https://hub.example:443");
  EXPECT_TRUE(url->is_encrypted);
  EXPECT_FALSE(url->is_loopback);
  EXPECT_EQ(parse_url("http://127.0.0.1:8080")->origin, "http://127.0.0.1:8080");
  EXPECT_TRUE(parse_url("http://[::1]:80/")->is_loopback);
  EXPECT_TRUE(parse_url("http://127.0.0.1/")->is_loopback);
  EXPECT_FALSE(parse_url("http://127.0.0.1.evil.example/")->is_loopback);
  // The host is what follows the last '@', whatever stands before it.
  const auto tricky = parse_url("https://hub.example@evil.example/");
  ASSERT_TRUE(tricky);
  EXPECT_EQ(tricky->origin, "https://evil.example:443");
  EXPECT_TRUE(tricky->has_credentials);
  for (const char* wrong : {"", "hub.example", "file:///etc/passwd", "ftp://hub.example", "https://"})
    EXPECT_FALSE(parse_url(wrong)) << wrong;
}

TEST(PercentEncoded, KeepsWhatIsUnreserved) {
  EXPECT_EQ(percent_encoded("a-b_c.d~9"), "a-b_c.d~9");
  EXPECT_EQ(percent_encoded("a/b c"), "a%2Fb%20c");
  EXPECT_EQ(percent_encoded("a/b?#%", "/"), "a/b%3F%23%25");
}

TEST(RetryAfter, IsSecondsOrADate) {
  using std::chrono::seconds;
  const auto now = std::chrono::system_clock::from_time_t(784111777);  // Sun, 06 Nov 1994 08:49:37 GMT
  EXPECT_EQ(parse_retry_after("120", now), seconds(120));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:50:07 GMT", now), seconds(30));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:07 GMT", now), seconds(0));
  EXPECT_FALSE(parse_retry_after("soon", now));
  EXPECT_FALSE(parse_retry_after("-5", now));
}

}  // namespace
}  // namespace epicrisis::detail
