// The engine against the reference implementation, value by value, on every checkpoint with reference values:
// those kept in the project and whatever lies in the folder that EPICRISIS_FIXTURES names.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "engine/engine.hpp"
#include "engine/expected_values.hpp"
#include "engine/parity_fixture.hpp"
#include "support/families.hpp"
#include "support/fixtures.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;

/// What the model is given: source and target, or a decoder-only model's text as target.
struct Inputs {
  explicit Inputs(const Json& example) {
    const bool has_encoder = example.contains("decoder_input_ids");
    if (has_encoder) source = testing::token_ids(example.at("input_ids"));
    target = testing::token_ids(example.at(has_encoder ? "decoder_input_ids" : "input_ids"));
  }

  std::vector<TokenId> source;
  std::vector<TokenId> target;
};

class ForwardParity : public testing::ParityTest {
 protected:
  void expect_hidden(const Json& example, const Inputs& inputs) const {
    const bool has_encoder = engine_->is_encoder_decoder();
    const auto hidden =
        has_encoder ? engine_->encode_hidden(inputs.source) : engine_->hidden(inputs.source, inputs.target);
    ASSERT_TRUE(hidden) << hidden.error().to_line();
    const char* key = has_encoder ? "encoder_last_hidden_state" : "last_hidden_state";
    testing::expect_summary(example.at(key), hidden->values, key);
  }
};

TEST_P(ForwardParity, HiddenStatesAndLogits) {
  ASSERT_FALSE(expected_.at("forward").empty());
  for (std::size_t index = 0; index < expected_.at("forward").size(); ++index) {
    SCOPED_TRACE("forward case " + std::to_string(index));
    const Json& example = expected_.at("forward").at(index);
    const Inputs inputs(example);
    expect_hidden(example, inputs);
    const auto logits = engine_->forward(inputs.source, inputs.target);
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
    if (!summary.contains("last_position")) continue;  // only the first inputs have it
    const auto expected_row = summary.at("last_position").get<std::vector<double>>();
    const auto row = logits->row(logits->rows - 1);
    ASSERT_EQ(row.size(), expected_row.size());
    for (std::size_t v = 0; v < row.size(); ++v)
      ASSERT_NEAR(row[v], expected_row[v], 1e-4) << "vocabulary entry " << v;
  }
}

/// One row of a padded batch without its padding: what the model is given, and the label of each position
/// (-100: none).
struct LossRow {
  Inputs inputs;
  std::vector<TokenId> labels;
  bool padded = false;  ///< The reference has logits of more positions than these.
};

// Encoder-decoder: the source loses its padding, the target keeps its own, which comes after what counts.
// Decoder-only: the text loses its padding, and a position's label is the next token.
LossRow loss_row(const Json& batch, std::size_t row, bool has_encoder) {
  Json example;
  for (const char* key : {"input_ids", "decoder_input_ids"})
    if (batch.contains(key)) example[key] = batch.at(key).at(row);
  LossRow result{Inputs(example), testing::token_ids(batch.at("labels").at(row)), false};
  const auto mask = batch.at("attention_mask").at(row).get<std::vector<int>>();
  std::vector<TokenId> kept;
  const auto padded = testing::token_ids(example.at("input_ids"));
  for (std::size_t i = 0; i < padded.size(); ++i)
    if (mask[i] != 0) kept.push_back(padded[i]);
  if (has_encoder) {
    result.inputs.source = kept;
    return result;
  }
  result.padded = kept.size() < padded.size();
  result.inputs.target = kept;
  result.labels.erase(result.labels.begin());
  result.labels.resize(kept.size(), -100);
  return result;
}

struct LabelSum {
  double log_probability = 0;
  std::size_t labels = 0;
};

LabelSum sum_of_labels(const FloatMatrix& logits, const std::vector<TokenId>& labels) {
  LabelSum sum;
  for (std::size_t t = 0; t < labels.size(); ++t) {
    if (labels[t] < 0) continue;
    const auto row = logits.row(static_cast<int>(t));
    sum.log_probability +=
        row[static_cast<std::size_t>(labels[t])] - testing::log_sum_exp(row.data(), row.size());
    ++sum.labels;
  }
  return sum;
}

// The reference pads; here each row runs alone with its own length. Equal values show that padding is not
// needed.
TEST_P(ForwardParity, LossOfPaddedBatches) {
  ASSERT_FALSE(expected_.at("loss").empty());
  for (std::size_t index = 0; index < expected_.at("loss").size(); ++index) {
    SCOPED_TRACE("loss case " + std::to_string(index));
    const Json& batch = expected_.at("loss").at(index);
    std::vector<float> all_logits;
    LabelSum of_all;
    bool padded = false;
    for (std::size_t b = 0; b < batch.at("input_ids").size(); ++b) {
      const LossRow row = loss_row(batch, b, engine_->is_encoder_decoder());
      const auto logits = engine_->forward(row.inputs.source, row.inputs.target);
      ASSERT_TRUE(logits) << logits.error().to_line();
      all_logits.insert(all_logits.end(), logits->values.begin(), logits->values.end());
      padded = padded || row.padded;
      const LabelSum sum = sum_of_labels(*logits, row.labels);
      const auto expected_sum = batch.at("label_logprob_sum_per_row").at(b).get<double>();
      EXPECT_NEAR(sum.log_probability, expected_sum, 1e-5 * std::abs(expected_sum)) << "row " << b;
      of_all.log_probability += sum.log_probability;
      of_all.labels += sum.labels;
    }
    if (!padded) testing::expect_summary(batch.at("logits"), all_logits, "logits");
    const auto loss = batch.at("loss").get<double>();
    EXPECT_NEAR(-of_all.log_probability / static_cast<double>(of_all.labels), loss, 1e-5 * loss);
  }
}

/// Root of the mean square of `a` - `b`.
double difference(const std::vector<float>& a, const std::vector<float>& b) {
  double squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) squares += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(squares / static_cast<double>(a.size()));
}

// docs/quantization.md has the table; the properties are in the file that --gtest_output=xml writes.
TEST_P(ForwardParity, NarrowTypesChangeLogitsLittle) {
  const Inputs inputs(expected_.at("forward").at(0));
  const std::vector<float> expected = engine_->forward(inputs.source, inputs.target)->values;
  const double size = difference(expected, std::vector<float>(expected.size(), 0.0F));
  for (const ComputeType type : {ComputeType::kBFloat16, ComputeType::kInt8}) {
    auto checkpoint = testing::load_parity_checkpoint(GetParam());
    ASSERT_TRUE(checkpoint) << checkpoint.error().to_line();
    const auto engine = Engine::load(*std::move(checkpoint), {.type = type});
    ASSERT_TRUE(engine) << engine.error().to_line();
    const auto narrow = (*engine)->forward(inputs.source, inputs.target);
    ASSERT_TRUE(narrow) << narrow.error().to_line();
    const double change = difference(narrow->values, expected) / size;
    RecordProperty(std::string(to_string(type)), std::to_string(change));
    EXPECT_LT(change, type == ComputeType::kInt8 ? 0.1 : 0.05);
  }
}

TEST_P(ForwardParity, EveryWeightsFileGivesTheSameBits) {
  if (GetParam().weights_file == "model.safetensors")
    GTEST_SKIP() << "compared where the other file is loaded";
  const testing::ParityCase whole{GetParam().whole, "model.safetensors", GetParam().whole};
  auto checkpoint = testing::load_parity_checkpoint(whole);
  ASSERT_TRUE(checkpoint) << checkpoint.error().to_line();
  const auto other = Engine::load(*std::move(checkpoint), {});
  ASSERT_TRUE(other) << other.error().to_line();
  const Inputs inputs(expected_.at("forward").at(0));
  EXPECT_EQ(engine_->forward(inputs.source, inputs.target)->values,
            (*other)->forward(inputs.source, inputs.target)->values);
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
