#include "generation/sampling_filters.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace epicrisis {
namespace {

/// Logits whose softmax is `probabilities`.
std::vector<float> logits_of(const std::vector<double>& probabilities) {
  std::vector<float> logits;
  for (const double p : probabilities) logits.push_back(static_cast<float>(std::log(p)));
  return logits;
}

void expect_distribution(const std::vector<TokenProbability>& found, const std::vector<TokenId>& tokens,
                         const std::vector<double>& probabilities) {
  ASSERT_EQ(found.size(), tokens.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].token, tokens[i]);
    EXPECT_NEAR(found[i].probability, probabilities[i], 1e-6);
  }
}

TEST(SamplingFilters, LeaveTheDistributionAloneByDefault) {
  expect_distribution(filtered_distribution(logits_of({0.2, 0.5, 0.3}), {}), {1, 2, 0}, {0.5, 0.3, 0.2});
}

TEST(SamplingFilters, TemperatureSharpens) {
  expect_distribution(filtered_distribution(logits_of({0.2, 0.8}), {.temperature = 0.5}), {1, 0},
                      {0.64 / 0.68, 0.04 / 0.68});
}

TEST(SamplingFilters, TopKKeepsTheLikeliestAndWhatIsLevelWithThem) {
  expect_distribution(filtered_distribution(logits_of({0.1, 0.5, 0.4}), {.top_k = 2}), {1, 2},
                      {0.5 / 0.9, 0.4 / 0.9});
  expect_distribution(filtered_distribution(logits_of({0.25, 0.5, 0.25}), {.top_k = 2}), {1, 0, 2},
                      {0.5, 0.25, 0.25});
}

TEST(SamplingFilters, TopPKeepsTheTokenThatPassesTheMass) {
  const std::vector<float> logits = logits_of({0.1, 0.5, 0.25, 0.15});
  expect_distribution(filtered_distribution(logits, {.top_p = 0.6}), {1, 2}, {2 / 3.0, 1 / 3.0});
  expect_distribution(filtered_distribution(logits, {.top_p = 0.4}), {1}, {1.0});
  expect_distribution(filtered_distribution(logits, {.top_p = 1e-9}), {1}, {1.0});
}

TEST(SamplingFilters, TopPFollowsTopK) {
  // Of {0.5, 0.25, 0.15} renormalised, the first alone holds 0.556.
  expect_distribution(filtered_distribution(logits_of({0.1, 0.5, 0.25, 0.15}), {.top_k = 3, .top_p = 0.55}),
                      {1}, {1.0});
}

TEST(SamplingFilters, TypicalKeepsWhatIsNearestToTheExpectedSurprise) {
  // Entropy of {0.7, 0.1, 0.1, 0.1}: 0.9404; surprises 0.357 and 2.303, so the likeliest is nearest.
  expect_distribution(filtered_distribution(logits_of({0.1, 0.7, 0.1, 0.1}), {.typical_p = 0.5}), {1}, {1.0});
  // Entropy of {0.5, 0.25, 0.25}: 1.0397; surprises 0.693 (0.347 away) and 1.386 (the same).
  // Of {0.4, 0.3, 0.2, 0.1}: entropy 1.2799; surprises 0.916, 1.204, 1.609, 2.303: 0.3 is nearest, then 0.2.
  expect_distribution(filtered_distribution(logits_of({0.4, 0.3, 0.2, 0.1}), {.typical_p = 0.25}), {1},
                      {1.0});
  expect_distribution(filtered_distribution(logits_of({0.4, 0.3, 0.2, 0.1}), {.typical_p = 0.45}), {1, 2},
                      {0.6, 0.4});
}

TEST(SamplingFilters, CutoffsDropTheUnlikely) {
  const std::vector<float> logits = logits_of({0.5, 0.3, 0.15, 0.05});
  expect_distribution(filtered_distribution(logits, {.epsilon_cutoff = 0.2}), {0, 1}, {0.5 / 0.8, 0.3 / 0.8});
  expect_distribution(filtered_distribution(logits, {.epsilon_cutoff = 0.9}), {0}, {1.0});
  // Entropy 1.1421: sqrt(0.2) * e^-1.1421 = 0.1427 is the lower bar.
  expect_distribution(filtered_distribution(logits, {.eta_cutoff = 0.2}), {0, 1, 2},
                      {0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95});
}

TEST(SamplingFilters, NoneLeavesFewerThanAsked) {
  const std::vector<float> logits = logits_of({0.5, 0.3, 0.15, 0.05});
  for (SamplingSettings settings :
       {SamplingSettings{.top_k = 1}, SamplingSettings{.top_p = 0.1}, SamplingSettings{.typical_p = 0.1},
        SamplingSettings{.epsilon_cutoff = 0.9}, SamplingSettings{.eta_cutoff = 0.9}}) {
    EXPECT_EQ(filtered_distribution(logits, settings).size(), 1U);
    settings.min_tokens_to_keep = 2;
    EXPECT_EQ(filtered_distribution(logits, settings).size(), 2U);
  }
}

TEST(SamplingFilters, BeamsKeepTwoTokens) {
  GenerationConfig config;
  EXPECT_EQ(sampling_settings(config).min_tokens_to_keep, 1U);
  config.num_beams = 2;
  EXPECT_EQ(sampling_settings(config).min_tokens_to_keep, 2U);
}

TEST(SamplingFilters, ForbiddenTokensAreNeverDrawn) {
  std::vector<float> logits = logits_of({0.5, 0.5});
  logits.push_back(-std::numeric_limits<float>::infinity());
  expect_distribution(filtered_distribution(logits, {}), {0, 1}, {0.5, 0.5});
  EXPECT_TRUE(
      filtered_distribution(std::vector<float>(3, -std::numeric_limits<float>::infinity()), {}).empty());
}

}  // namespace
}  // namespace epicrisis
