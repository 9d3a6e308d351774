// Log-probabilities of given texts against the reference implementation's `loss`, family by family. Rows
// whose labels leave out a token in their midst are not texts one could score and are passed over.
#include "generation/target_score.hpp"

#include <algorithm>
#include <optional>

#include "checkpoint/families/family.hpp"
#include "engine/expected_values.hpp"
#include "engine/parity_fixture.hpp"

namespace epicrisis {
namespace {

using Ids = std::vector<TokenId>;

class TargetScoreParity : public testing::ParityTest {
 protected:
  /// Row `row` of a padded batch as a pair, if its labels are all counted.
  std::optional<ScoredPair> pair_of(const Json& batch, std::size_t row) const {
    const Ids ids = testing::token_ids(batch.at("input_ids").at(row));
    const Ids mask = testing::token_ids(batch.at("attention_mask").at(row));
    ScoredPair pair;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (mask[i] != 0) pair.source.push_back(ids[i]);
    }
    const Ids labels = testing::token_ids(batch.at("labels").at(row));
    // A decoder-only model's labels are its input, of which the first is never predicted.
    const std::size_t first = engine_->is_encoder_decoder() ? 0 : 1;
    const auto end = std::find(labels.begin() + static_cast<std::ptrdiff_t>(first), labels.end(), -100);
    pair.target.assign(labels.begin() + static_cast<std::ptrdiff_t>(first), end);
    const bool rest_counts = std::any_of(end, labels.end(), [](TokenId label) { return label != -100; });
    if (rest_counts || pair.target.empty()) return std::nullopt;
    if (!engine_->is_encoder_decoder()) pair.source.resize(1);
    return pair;
  }
};

TEST_P(TargetScoreParity, GivesTheReferencesLogProbabilities) {
  std::vector<ScoredPair> pairs;
  std::vector<double> expected;
  for (const Json& batch : expected_.at("loss")) {
    for (std::size_t row = 0; row < batch.at("labels").size(); ++row) {
      std::optional<ScoredPair> pair = pair_of(batch, row);
      if (!pair) continue;
      pairs.push_back(*std::move(pair));
      expected.push_back(batch.at("label_logprob_sum_per_row").at(row).get<double>());
    }
  }
  ASSERT_FALSE(pairs.empty());
  const auto scores = target_log_probs(*engine_, pairs, teacher_forcing_start(engine_->architecture()));
  ASSERT_TRUE(scores) << scores.error().to_line();
  // The fixtures' tolerance of a loss.
  for (std::size_t i = 0; i < pairs.size(); ++i) EXPECT_NEAR(scores->at(i), expected[i], 1e-5 * -expected[i]);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, TargetScoreParity, ::testing::ValuesIn(testing::parity_cases()),
                         [](const auto& instance) { return testing::parity_case_name(instance.param); });

}  // namespace
}  // namespace epicrisis
