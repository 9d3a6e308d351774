#include "train/lr_schedule.hpp"

#include <gtest/gtest.h>

namespace epicrisis::train {
namespace {

struct RateCase {
  const char* name;
  const char* type;
  std::int64_t warmup;
  std::int64_t step;
  double rate;  // of a peak of 1 over 100 steps
};

class Rates : public ::testing::TestWithParam<RateCase> {};

TEST_P(Rates, FollowTheSchedule) {
  const auto kind = parse_lr_schedule(GetParam().type);
  ASSERT_TRUE(kind.has_value());
  EXPECT_NEAR(LrSchedule(*kind, 1.0, GetParam().warmup, 100).rate(GetParam().step), GetParam().rate, 1e-12);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Rates,
    ::testing::Values(
        RateCase{"linear_start", "linear", 0, 0, 1.0}, RateCase{"linear_half", "linear", 0, 50, 0.5},
        RateCase{"linear_last", "linear", 0, 99, 0.01},
        RateCase{"linear_past_the_end", "linear", 0, 150, 0.0},
        RateCase{"warmup_first_step_is_zero", "linear", 10, 0, 0.0},
        RateCase{"warmup_half", "linear", 10, 5, 0.5}, RateCase{"warmup_peak", "linear", 10, 10, 1.0},
        RateCase{"after_warmup", "linear", 20, 60, 0.5}, RateCase{"cosine_half", "cosine", 0, 50, 0.5},
        RateCase{"cosine_end", "cosine", 10, 100, 0.0}, RateCase{"constant", "constant", 10, 3, 1.0},
        RateCase{"constant_with_warmup", "constant_with_warmup", 10, 3, 0.3}),
    [](const auto& rate) { return std::string(rate.param.name); });

TEST(LrSchedule, AnUnknownTypeIsAnError) {
  EXPECT_EQ(parse_lr_schedule("polynomial").error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace epicrisis::train
