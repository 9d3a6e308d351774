// The engine against the reference implementation, value by value, on every checkpoint with reference values:
// those kept in the project and whatever lies in the folder that EPICRISIS_FIXTURES names.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "engine/engine.hpp"
#include "engine/expected_values.hpp"
#include "support/families.hpp"
#include "support/fixtures.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;
using testing::ParityCase;

class ForwardParity : public ::testing::TestWithParam<ParityCase> {
 protected:
  void SetUp() override {
    const std::string family = testing::family_of(GetParam().folder);
    if (!testing::is_listed_family(family))
      GTEST_SKIP() << "unsupported: docs/families.md does not list " << family;
    auto engine = testing::load_engine(GetParam());
    ASSERT_TRUE(engine) << engine.error().to_line();
    engine_ = *std::move(engine);
    auto expected = read_json_file(GetParam().folder / "expected.json");
    ASSERT_TRUE(expected) << expected.error().to_line();
    expected_ = *std::move(expected);
  }

  std::shared_ptr<const Engine> engine_;
  Json expected_;
};

TEST_P(ForwardParity, HiddenStatesAndLogits) {
  ASSERT_FALSE(expected_.at("forward").empty());
  for (std::size_t index = 0; index < expected_.at("forward").size(); ++index) {
    SCOPED_TRACE("forward case " + std::to_string(index));
    const Json& example = expected_.at("forward").at(index);
    const auto source = testing::token_ids(example.at("input_ids"));
    const auto target = testing::token_ids(example.at("decoder_input_ids"));
    const auto hidden = engine_->encode_hidden(source);
    ASSERT_TRUE(hidden) << hidden.error().to_line();
    testing::expect_summary(example.at("encoder_last_hidden_state"), hidden->values,
                            "encoder_last_hidden_state");
    const auto logits = engine_->forward(source, target);
    ASSERT_TRUE(logits) << logits.error().to_line();
    const Json& summary = example.at("logits");
    testing::expect_summary(summary, logits->values, "logits");
    for (int t = 0; t < logits->rows; ++t) {
      const auto row = logits->row(t);
      const auto position = static_cast<std::size_t>(t);
      const auto best = std::max_element(row.begin(), row.end());
      EXPECT_EQ(best - row.begin(), summary.at("argmax").at(position).get<std::ptrdiff_t>())
          << "position " << t;
      EXPECT_NEAR(*best, summary.at("max").at(position).get<double>(), 1e-4) << "position " << t;
      EXPECT_NEAR(testing::log_sum_exp(row.data(), row.size()),
                  summary.at("logsumexp").at(position).get<double>(), 1e-4)
          << "position " << t;
    }
    if (!example.contains("last_position")) continue;
    const auto expected_row = example.at("last_position").get<std::vector<double>>();
    const auto row = logits->row(logits->rows - 1);
    ASSERT_EQ(row.size(), expected_row.size());
    for (std::size_t v = 0; v < row.size(); ++v)
      ASSERT_NEAR(row[v], expected_row[v], 1e-4) << "vocabulary entry " << v;
  }
}

// The reference pads; here each row runs alone with its own length. Equal values show that padding is not
// needed.
TEST_P(ForwardParity, LossOfPaddedBatches) {
  ASSERT_FALSE(expected_.at("loss").empty());
  for (std::size_t index = 0; index < expected_.at("loss").size(); ++index) {
    SCOPED_TRACE("loss case " + std::to_string(index));
    const Json& batch = expected_.at("loss").at(index);
    std::vector<float> all_logits;
    double sum_of_all = 0;
    std::size_t labels_of_all = 0;
    for (std::size_t b = 0; b < batch.at("input_ids").size(); ++b) {
      const auto padded = testing::token_ids(batch.at("input_ids").at(b));
      const auto mask = batch.at("attention_mask").at(b).get<std::vector<int>>();
      std::vector<TokenId> source;
      for (std::size_t i = 0; i < padded.size(); ++i)
        if (mask[i] != 0) source.push_back(padded[i]);
      const auto target = testing::token_ids(batch.at("decoder_input_ids").at(b));
      const auto labels = testing::token_ids(batch.at("labels").at(b));
      const auto logits = engine_->forward(source, target);
      ASSERT_TRUE(logits) << logits.error().to_line();
      all_logits.insert(all_logits.end(), logits->values.begin(), logits->values.end());
      double sum = 0;
      for (std::size_t t = 0; t < labels.size(); ++t) {
        if (labels[t] < 0) continue;
        const auto row = logits->row(static_cast<int>(t));
        sum += row[static_cast<std::size_t>(labels[t])] - testing::log_sum_exp(row.data(), row.size());
        ++labels_of_all;
      }
      const auto expected_sum = batch.at("label_logprob_sum_per_row").at(b).get<double>();
      EXPECT_NEAR(sum, expected_sum, 1e-5 * std::abs(expected_sum)) << "row " << b;
      sum_of_all += sum;
    }
    testing::expect_summary(batch.at("logits"), all_logits, "logits");
    const auto loss = batch.at("loss").get<double>();
    EXPECT_NEAR(-sum_of_all / static_cast<double>(labels_of_all), loss, 1e-5 * loss);
  }
}

TEST_P(ForwardParity, BothWeightFilesGiveTheSameBits) {
  if (GetParam().weights_file == "model.safetensors")
    GTEST_SKIP() << "compared where the other file is loaded";
  const auto other = testing::load_engine({GetParam().folder, "model.safetensors"});
  ASSERT_TRUE(other) << other.error().to_line();
  const Json& example = expected_.at("forward").at(0);
  const auto source = testing::token_ids(example.at("input_ids"));
  const auto target = testing::token_ids(example.at("decoder_input_ids"));
  EXPECT_EQ(engine_->forward(source, target)->values, (*other)->forward(source, target)->values);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, ForwardParity, ::testing::ValuesIn(testing::parity_cases()),
                         [](const auto& instance) { return testing::parity_case_name(instance.param); });

TEST(ParityFixtures, EveryListedFamilyHasCases) {
  for (const fs::path& root : {testing::kept_fixtures_dir(), testing::fixtures_dir()}) {
    if (!fs::exists(root)) {
      std::cout << "no folder of fixtures beside those kept in the project\n";
      continue;
    }
    bool found = false;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      if (entry.path().filename() == "expected.json")
        found = found || testing::is_listed_family(testing::family_of(entry.path().parent_path()));
    }
    EXPECT_TRUE(found) << root << " holds no checkpoint of a listed family with reference values";
  }
}

}  // namespace
}  // namespace epicrisis
