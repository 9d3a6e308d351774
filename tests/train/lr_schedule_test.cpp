// Golden values: the formulas of transformers 4.27 (optimization.py, get_*_schedule*), evaluated in Python's
// doubles for a peak of 1 over 100 updates. inverse_sqrt without warm-up: release 4.31, which gave it a
// timescale of 10,000 there.
#include "train/lr_schedule.hpp"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace epicrisis::train {
namespace {

struct RateCase {
  const char* name;
  LrScheduleKind kind;
  std::map<std::string, std::string> kwargs;
  std::int64_t warmup;
  std::vector<std::pair<std::int64_t, double>> rates;  ///< By update.
};

class Rates : public ::testing::TestWithParam<RateCase> {};

TEST_P(Rates, FollowTheReferencesFormula) {
  const RateCase& expected = GetParam();
  const auto settings = read_lr_scheduler_kwargs(expected.kind, expected.kwargs);
  ASSERT_TRUE(settings.has_value()) << settings.error().to_line();
  const LrSchedule schedule(expected.kind, 1.0, expected.warmup, 100, *settings);
  for (const auto& [step, rate] : expected.rates) EXPECT_NEAR(schedule.rate(step), rate, 1e-15) << step;
}

INSTANTIATE_TEST_SUITE_P(
    Table, Rates,
    ::testing::Values(
        RateCase{"constant", LrScheduleKind::kConstant, {}, 10, {{0, 1.0}, {3, 1.0}, {99, 1.0}}},
        RateCase{"constant_with_warmup",
                 LrScheduleKind::kConstantWithWarmup,
                 {},
                 10,
                 {{0, 0.0}, {3, 0.3}, {10, 1.0}, {99, 1.0}}},
        RateCase{"linear",
                 LrScheduleKind::kLinear,
                 {},
                 0,
                 {{0, 1},
                  {3, 0.96999999999999997},
                  {10, 0.90000000000000002},
                  {37, 0.63},
                  {64, 0.35999999999999999},
                  {99, 0.01},
                  {100, 0},
                  {120, 0}}},
        RateCase{"linear_warmup",
                 LrScheduleKind::kLinear,
                 {},
                 10,
                 {{0, 0},
                  {3, 0.29999999999999999},
                  {10, 1},
                  {37, 0.69999999999999996},
                  {64, 0.40000000000000002},
                  {99, 0.011111111111111112},
                  {100, 0},
                  {120, 0}}},
        RateCase{"cosine",
                 LrScheduleKind::kCosine,
                 {},
                 0,
                 {{0, 1},
                  {3, 0.99778098230154},
                  {10, 0.97552825814757682},
                  {37, 0.69857394531739025},
                  {64, 0.28711035421746367},
                  {99, 0.00024671981713419999},
                  {100, 0},
                  {120, 0.095491502812526219}}},
        RateCase{"cosine_warmup",
                 LrScheduleKind::kCosine,
                 {},
                 10,
                 {{0, 0},
                  {3, 0.29999999999999999},
                  {10, 1},
                  {37, 0.79389262614623657},
                  {64, 0.34549150281252633},
                  {99, 0.00030458649045211894},
                  {100, 0},
                  {120, 0.11697777844051099}}},
        RateCase{"cosine_with_restarts",
                 LrScheduleKind::kCosineWithRestarts,
                 {},
                 0,
                 {{0, 1},
                  {3, 0.99778098230154},
                  {10, 0.97552825814757682},
                  {37, 0.69857394531739025},
                  {64, 0.28711035421746367},
                  {99, 0.00024671981713419999},
                  {100, 0},
                  {120, 0}}},
        RateCase{"cosine_with_restarts_warmup",
                 LrScheduleKind::kCosineWithRestarts,
                 {},
                 10,
                 {{0, 0},
                  {3, 0.29999999999999999},
                  {10, 1},
                  {37, 0.79389262614623657},
                  {64, 0.34549150281252633},
                  {99, 0.00030458649045211894},
                  {100, 0},
                  {120, 0}}},
        RateCase{"polynomial",
                 LrScheduleKind::kPolynomial,
                 {},
                 0,
                 {{0, 1},
                  {3, 0.970000003},
                  {10, 0.90000000999999996},
                  {37, 0.63000003699999996},
                  {64, 0.36000006400000001},
                  {99, 0.010000099000000009},
                  {100, 9.9999999999999995e-08},
                  {120, 9.9999999999999995e-08}}},
        RateCase{"polynomial_warmup",
                 LrScheduleKind::kPolynomial,
                 {},
                 10,
                 {{0, 0},
                  {3, 0.29999999999999999},
                  {10, 1},
                  {37, 0.70000003},
                  {64, 0.40000006000000005},
                  {99, 0.01111120999999996},
                  {100, 9.9999999999999995e-08},
                  {120, 9.9999999999999995e-08}}},
        RateCase{"inverse_sqrt",
                 LrScheduleKind::kInverseSqrt,
                 {},
                 0,
                 {{0, 1},
                  {3, 0.99985003374156478},
                  {10, 0.9995003746877732},
                  {37, 0.99815511797201395},
                  {64, 0.99681527853612495},
                  {99, 0.99508645313499933},
                  {100, 0.99503719020998926},
                  {120, 0.99405346560943009}}},
        RateCase{"inverse_sqrt_warmup",
                 LrScheduleKind::kInverseSqrt,
                 {},
                 10,
                 {{0, 0},
                  {3, 0.29999999999999999},
                  {10, 1},
                  {37, 0.51987524491003634},
                  {64, 0.39528470752104738},
                  {99, 0.31782086308186408},
                  {100, 0.31622776601683794},
                  {120, 0.28867513459481292}}},
        RateCase{
            "cosine_with_settings",
            LrScheduleKind::kCosine,
            {{"num_cycles", "1.5"}},
            10,
            {{10, 1}, {37, 0.024471741852423234}, {64, 0.90450849718747373}, {99, 0.0027390523158632996}}},
        RateCase{"cosine_with_restarts_with_settings",
                 LrScheduleKind::kCosineWithRestarts,
                 {{"num_cycles", "3"}},
                 10,
                 {{10, 1},
                  {37, 0.02447174185242329},
                  {40, 1},
                  {64, 0.095491502812526441},
                  {99, 0.0027390523158632996}}},
        RateCase{"polynomial_with_settings",
                 LrScheduleKind::kPolynomial,
                 {{"power", "2"}, {"lr_end", "0.01"}},
                 10,
                 {{10, 1},
                  {37, 0.49509999999999993},
                  {64, 0.16840000000000005},
                  {99, 0.010122222222222222},
                  {120, 0.01}}},
        RateCase{"inverse_sqrt_with_settings",
                 LrScheduleKind::kInverseSqrt,
                 {{"timescale", "50"}},
                 10,
                 {{10, 1}, {37, 0.80582296402538023}, {99, 0.59976014390406718}}}),
    [](const auto& rate) { return std::string(rate.param.name); });

TEST(LrSchedule, PolynomialEndsAtARateNotAShareOfThePeak) {
  EXPECT_NEAR(LrSchedule(LrScheduleKind::kPolynomial, 1e-3, 0, 100).rate(100), 1e-7, 1e-20);
  EXPECT_NEAR(LrSchedule(LrScheduleKind::kPolynomial, 1e-3, 0, 100).rate(50), 0.00050005, 1e-17);
}

TEST(LrSchedule, RefusesSettingsThatTheScheduleLacks) {
  EXPECT_EQ(read_lr_scheduler_kwargs(LrScheduleKind::kLinear, {{"power", "2"}}).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_NE(read_lr_scheduler_kwargs(LrScheduleKind::kPolynomial, {{"num_cycles", "2"}})
                .error()
                .public_message.find("power and lr_end"),
            std::string::npos);
  EXPECT_FALSE(read_lr_scheduler_kwargs(LrScheduleKind::kCosine, {{"num_cycles", "two"}}).has_value());
  EXPECT_FALSE(read_lr_scheduler_kwargs(LrScheduleKind::kInverseSqrt, {{"timescale", "0"}}).has_value());
}

}  // namespace
}  // namespace epicrisis::train
