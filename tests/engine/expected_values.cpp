#include "engine/expected_values.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace epicrisis::testing {

std::vector<TokenId> token_ids(const Json& array) { return array.get<std::vector<TokenId>>(); }

void expect_summary(const Json& summary, const std::vector<float>& values, const std::string& what) {
  SCOPED_TRACE(what);
  std::size_t count = 1;
  for (const Json& size : summary.at("shape")) count *= size.get<std::size_t>();
  ASSERT_EQ(count, values.size());
  double sum = 0;
  double squares = 0;
  float largest = 0;
  for (const float value : values) {
    sum += value;
    squares += static_cast<double>(value) * value;
    largest = std::max(largest, std::abs(value));
  }
  const auto l2 = summary.at("l2").get<double>();
  EXPECT_NEAR(std::sqrt(squares), l2, 1e-5 * l2);
  EXPECT_NEAR(sum, summary.at("sum").get<double>(), 1e-3 * l2);
  if (!summary.contains("first")) return;
  EXPECT_NEAR(largest, summary.at("abs_max").get<double>(), 1e-4);
  const auto first = summary.at("first").get<std::vector<double>>();
  const auto last = summary.at("last").get<std::vector<double>>();
  for (std::size_t i = 0; i < first.size(); ++i) EXPECT_NEAR(values[i], first[i], 1e-4) << "element " << i;
  for (std::size_t i = 0; i < last.size(); ++i)
    EXPECT_NEAR(values[count - last.size() + i], last[i], 1e-4) << "element " << i << " of the last ones";
}

double log_sum_exp(const float* row, std::size_t count) {
  const double largest = *std::max_element(row, row + count);
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += std::exp(row[i] - largest);
  return largest + std::log(sum);
}

}  // namespace epicrisis::testing
