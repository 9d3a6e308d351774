#include "engine/expected_values.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/files.hpp"
#include "checkpoint/checkpoint.hpp"
#include "support/fixtures.hpp"

namespace epicrisis::testing {
namespace fs = std::filesystem;

std::vector<ParityCase> parity_cases() {
  std::vector<ParityCase> cases;
  for (const auto& folder : find_fixtures("", "expected.json")) {
    for (const char* file : {"model.safetensors", "pytorch_model.bin"})
      if (std::filesystem::exists(folder / file)) cases.push_back({folder, file});
  }
  return cases;
}

std::string parity_case_name(const ParityCase& parity_case) {
  return fixture_name(parity_case.folder) +
         (parity_case.weights_file.ends_with(".bin") ? "_bin" : "_safetensors");
}

void PrintTo(const ParityCase& parity_case, std::ostream* out) {
  *out << (parity_case.folder / parity_case.weights_file);
}

Result<std::shared_ptr<const Engine>> load_engine(const ParityCase& parity_case) {
  EPICRISIS_ASSIGN_OR_RETURN(const TemporaryDirectory folder, TemporaryDirectory::create());
  for (const auto& entry : fs::directory_iterator(parity_case.folder)) {
    const std::string name = entry.path().filename().string();
    const bool weights = name.ends_with(".safetensors") || name.ends_with(".bin");
    if (!weights || name == parity_case.weights_file)
      fs::create_symlink(fs::absolute(entry.path()), folder.path() / name);
  }
  EPICRISIS_ASSIGN_OR_RETURN(Checkpoint checkpoint, load_checkpoint(folder.path()));
  return Engine::load(std::move(checkpoint), {.threads = 2});
}

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
