#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "checkpoint/checkpoint.hpp"
#include "engine/engine.hpp"

namespace epicrisis::testing {

/// A fixture folder and the file its weights are read from.
struct ParityCase {
  std::filesystem::path folder;
  std::string weights_file;     ///< "model.safetensors", "pytorch_model.bin.index.json", ...
  std::filesystem::path whole;  ///< The folder of the same model in one file, which has the reference values.
};

/// Every folder with reference values, and "NAME-sharded" beside a folder NAME that has them, once for each
/// kind of weights that lies there: safetensors or PyTorch's (zip or the older container), whole or in
/// shards.
std::vector<ParityCase> parity_cases();
/// A GoogleTest parameter name.
std::string parity_case_name(const ParityCase& parity_case);
void PrintTo(const ParityCase& parity_case, std::ostream* out);

/// The folder's checkpoint as if `weights_file` and its shards were its only weights.
Result<Checkpoint> load_parity_checkpoint(const ParityCase& parity_case);

/// Engine and reference values of one case. Skips what docs/families.md does not list.
class ParityTest : public ::testing::TestWithParam<ParityCase> {
 protected:
  void SetUp() override;

  std::shared_ptr<const Engine> engine_;
  Json config_;
  Json generation_config_;
  Json expected_;
};

}  // namespace epicrisis::testing
