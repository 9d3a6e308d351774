// Compares what temperature, top-k and top-p leave with the reference implementation's `sampling_filters`.
// The logits come from the fixtures too, so no model is needed and every family counts.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "generation/sampling_filters.hpp"
#include "support/fixtures.hpp"

namespace epicrisis {
namespace {

class SamplingParity : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(SamplingParity, LeavesTheReferencesDistributions) {
  const auto expected = read_json_file(GetParam() / "expected.json");
  ASSERT_TRUE(expected) << expected.error().to_line();
  if (!expected->contains("sampling_filters")) GTEST_SKIP() << "the fixture holds no sampling_filters";
  for (const Json& test : (*expected)["sampling_filters"]) {
    SCOPED_TRACE("temperature " + test["temperature"].dump() + ", top_k " + test["top_k"].dump() +
                 ", top_p " + test["top_p"].dump());
    const Json& forward = (*expected)["forward"][test["forward_index"].get<std::size_t>()];
    const auto logits = forward["logits"]["last_position"].get<std::vector<float>>();
    const auto left = filtered_distribution(
        logits, {.temperature = test["temperature"], .top_k = test["top_k"], .top_p = test["top_p"]});
    ASSERT_EQ(left.size(), test["kept"].get<std::size_t>());
    for (std::size_t i = 0; i < test["ids"].size(); ++i) {
      EXPECT_EQ(left[i].token, test["ids"][i].get<TokenId>()) << "rank " << i;
      // Logits are written with six decimals; at temperature 0.5 that is 1e-6 of a probability, and the
      // probabilities are rounded the same way.
      EXPECT_NEAR(left[i].probability, test["probs"][i].get<double>(), 2e-6) << "rank " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, SamplingParity,
                         ::testing::ValuesIn(testing::find_fixtures("", "expected.json")),
                         [](const auto& test) { return testing::fixture_name(test.param); });

}  // namespace
}  // namespace epicrisis
