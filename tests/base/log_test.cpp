#include "base/log.hpp"

#include <gtest/gtest.h>

#include <type_traits>

namespace epicrisis::log {
namespace {

static_assert(!std::is_constructible_v<Field, std::string_view, std::string>,
              "text cannot be logged by accident");
static_assert(!std::is_constructible_v<Field, std::string_view, const char*>,
              "text cannot be logged by accident");

TEST(Log, WordsShowOnlyMachineMadeText) {
  EXPECT_EQ(Word("endpoint-1/AllTraffic").to_string(), "endpoint-1/AllTraffic");
  EXPECT_EQ(Word("Mrs Canary fell").to_string(), "[15 bytes]");
  EXPECT_EQ(Word(std::string(201, 'a')).to_string(), "[201 bytes]");
}

TEST(Log, WritesEventAndFields) {
  ::testing::internal::CaptureStderr();
  info("job.finished", {{"tokens_in", 812}, {"ok", true}, {"job", Word("a1")}});
  const std::string line = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(line.find("info job.finished tokens_in=812 ok=1 job=a1\n"), std::string::npos) << line;
}

}  // namespace
}  // namespace epicrisis::log
