#pragma once

#include <filesystem>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "base/token_id.hpp"
#include "engine/engine.hpp"

namespace epicrisis::testing {

/// A fixture folder and the file its weights are read from.
struct ParityCase {
  std::filesystem::path folder;
  std::string weights_file;  ///< "model.safetensors" or "pytorch_model.bin"
};

/// Every folder with reference values, once for each kind of weights file that lies there.
std::vector<ParityCase> parity_cases();
std::string parity_case_name(const ParityCase& parity_case);
void PrintTo(const ParityCase& parity_case, std::ostream* out);

/// The engine over the folder's checkpoint as if `weights_file` were its only weights file.
Result<std::shared_ptr<const Engine>> load_engine(const ParityCase& parity_case);

std::vector<TokenId> token_ids(const Json& array);

/// Compares `values`, a tensor flattened row-major, with the summary that a fixture gives of it (shape,
/// first, last, sum, l2, abs_max), to the tolerances of the fixtures: 1e-4 an element, sums 1e-3 and l2 1e-5
/// relative to l2.
void expect_summary(const Json& summary, const std::vector<float>& values, const std::string& what);

/// log(sum(exp(row))), in double.
double log_sum_exp(const float* row, std::size_t count);

}  // namespace epicrisis::testing
