#pragma once

#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/token_id.hpp"

namespace epicrisis::testing {

/// An array of token ids.
std::vector<TokenId> token_ids(const Json& array);

/// Compares `values`, a tensor flattened row-major, with the summary that a fixture gives of it (shape,
/// first, last, sum, l2, abs_max), to the tolerances of the fixtures: 1e-4 an element, sums 1e-3 and l2 1e-5
/// relative to l2.
void expect_summary(const Json& summary, const std::vector<float>& values, const std::string& what);

/// log(sum(exp(row))), in double.
double log_sum_exp(const float* row, std::size_t count);

}  // namespace epicrisis::testing
