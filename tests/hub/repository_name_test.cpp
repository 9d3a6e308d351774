#include "hub/repository_name.hpp"

#include <gtest/gtest.h>

namespace epicrisis {
namespace {

TEST(RepositoryNames, AreReadAndRefused) {
  EXPECT_EQ(parse_repository_name("google/flan-t5-small")->own_name(), "flan-t5-small");
  EXPECT_EQ(parse_repository_name("gpt2")->revision, "main");
  EXPECT_EQ(parse_repository_name("gpt2@refs/pr/1")->revision, "refs/pr/1");
  for (const char* wrong : {"", "/", "a/", "/b", "a/b/c", "../x", "a/..", "a b/c", "a/b@", "a/b@..",
                            "a/b@x y", "a/b@-x", "-a/b"}) {
    const auto parsed = parse_repository_name(wrong);
    ASSERT_FALSE(parsed) << wrong;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace epicrisis
