#include "base/result.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace epicrisis {
namespace {

Error broken() { return {ErrorCode::kCorrupt, "It is broken; make it again.", "row 3"}; }

Result<int> half(int n) {
  if (n % 2 != 0) return broken();
  return n / 2;
}

Result<int> quarter(int n) {
  EPICRISIS_ASSIGN_OR_RETURN(const int once, half(n));
  return half(once);
}

TEST(Result, CarriesAValueOrAnError) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(quarter(6).error().to_line(), "It is broken; make it again. (row 3)");
}

TEST(Result, ReadingTheWrongSideThrows) {
  EXPECT_THROW((void)half(1).value(), InvariantError);
  EXPECT_THROW((void)half(2).error(), InvariantError);
}

TEST(Result, TakesSubclassesBehindPointers) {
  struct Base {
    virtual ~Base() = default;
  };
  struct Derived : Base {};
  const Result<std::unique_ptr<Base>> made = std::make_unique<Derived>();
  EXPECT_TRUE(made);
}

TEST(Error, IsOneLine) { EXPECT_EQ((Error{ErrorCode::kCorrupt, "a\nb", ""}).to_line(), "a b"); }

TEST(Error, ChoosesTheExitCode) {
  EXPECT_EQ(exit_code(Error{ErrorCode::kInvalidArgument, "", ""}), 2);
  EXPECT_EQ(exit_code(Error{ErrorCode::kResourceExhausted, "", ""}), 1);
}

}  // namespace
}  // namespace epicrisis
