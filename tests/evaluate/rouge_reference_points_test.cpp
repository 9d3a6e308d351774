// ROUGE of trivial summaries of public validation files, against figures computed elsewhere.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "data/dataset_reader.hpp"
#include "evaluate/lead_sentences.hpp"
#include "evaluate/rouge.hpp"
#include "support/fixtures.hpp"

namespace epicrisis::evaluate {
namespace {

struct Point {
  const char* name;
  const char* data_set;
  std::string (*summarize)(std::string_view text, std::size_t sentences);
  std::size_t sentences;
  double rouge1, rouge2, rouge_l;  ///< F1 x 100, two decimals.
};

class RougeReferencePoints : public ::testing::TestWithParam<Point> {};

TEST_P(RougeReferencePoints, AreReached) {
  const Point& point = GetParam();
  const auto path = testing::fixtures_dir().parent_path() / "data" / point.data_set / "validation.csv";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is absent";
  const auto rows = data::read_dataset(path);
  ASSERT_TRUE(rows) << rows.error().to_line();
  RougeScorer scorer;
  std::vector<RougeScores> scores;
  for (const data::DatasetRow& row : *rows) {
    scores.push_back(scorer.score(point.summarize(row.note, point.sentences), row.summary));
  }
  const RougeScores average = mean(scores);
  constexpr double kRounding = 0.005 + 1e-9;
  EXPECT_NEAR(100 * average.rouge1.f1, point.rouge1, kRounding);
  EXPECT_NEAR(100 * average.rouge2.f1, point.rouge2, kRounding);
  EXPECT_NEAR(100 * average.rouge_l.f1, point.rouge_l, kRounding);
}

INSTANTIATE_TEST_SUITE_P(
    Validation, RougeReferencePoints,
    ::testing::Values(Point{"rct_abstracts", "rct-abstracts", first_sentences, 2, 26.63, 7.35, 17.51},
                      Point{"pubmedqa", "pubmedqa", first_sentences, 2, 28.98, 8.99, 19.63},
                      Point{"mts_dialog", "mts-dialog", first_sentences, 2, 10.29, 3.22, 8.46},
                      Point{"mtsamples", "mtsamples", first_sentences, 1, 30.75, 23.60, 29.74},
                      Point{"meqsum", "meqsum", first_sentences, 1, 20.91, 8.31, 17.57},
                      Point{"sumpubmed", "sumpubmed-abstracts", last_sentences, 2, 25.22, 5.60, 15.96}),
    [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace epicrisis::evaluate
