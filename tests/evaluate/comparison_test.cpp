#include "evaluate/comparison.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.hpp"

namespace epicrisis::evaluate {
namespace {

using ::testing::HasSubstr;
using Texts = std::vector<std::string>;

const Texts kReferences = {"chest pain", "hip fracture", "no change"};
const Texts kWards = {"B", "A", "B"};

std::vector<SystemOutput> systems() {
  SystemOutput model{.system = "model", .predictions = {"chest pain", "", "no pain"}};
  model.tokens = std::vector<std::size_t>{4, 0, 2};
  model.seconds = 1.5;
  return {model, {.system = "copy", .predictions = {"a b c d", "hip", "no change"}}};
}

TEST(Comparison, AveragesOverNotesPerStratum) {
  const auto rows = compare(systems(), kReferences, kWards);
  ASSERT_EQ(rows.size(), 6U) << "two systems, overall and two wards";
  EXPECT_EQ(rows[0].system, "model");
  EXPECT_EQ(rows[0].stratum, kOverall);
  EXPECT_EQ(rows[0].notes, 3U);
  EXPECT_DOUBLE_EQ(rows[0].rouge1.mean.f1, (1 + 0 + 0.5) / 3);
  EXPECT_DOUBLE_EQ(rows[0].generated_words, 4.0 / 3);
  EXPECT_DOUBLE_EQ(rows[0].generated_tokens.value(), 2);
  EXPECT_DOUBLE_EQ(rows[0].seconds_per_note.value(), 0.5);
  EXPECT_FALSE(rows[1].generated_tokens.has_value());
  EXPECT_EQ(rows[2].stratum, "A");
  EXPECT_DOUBLE_EQ(rows[2].rouge1.mean.f1, 0) << "an empty prediction counts as nothing right";
  EXPECT_EQ(rows[3].system, "copy");
  EXPECT_DOUBLE_EQ(rows[3].rouge1.mean.f1, 2.0 / 3);
  EXPECT_EQ(rows[4].stratum, "B");
  EXPECT_EQ(rows[4].notes, 2U);
  EXPECT_DOUBLE_EQ(rows[4].rouge1.mean.f1, 0.75);
  EXPECT_LE(rows[4].rouge1.f1_interval.low, 0.75);
  EXPECT_GE(rows[4].rouge1.f1_interval.high, 0.75);
}

TEST(Comparison, TableHasABlockForEachStratumAndAlignedColumns) {
  const std::string table = comparison_table(compare(systems(), kReferences, kWards));
  EXPECT_THAT(table, HasSubstr("overall (3 notes), F1 x 100 [95 % interval]\nsystem"));
  EXPECT_THAT(table, HasSubstr("\nA (1 note)"));
  EXPECT_THAT(table, HasSubstr("50.00 ["));
  std::size_t end_of_rouge1 = 0;
  std::size_t begin = table.find("system");
  for (int line = 0; line < 3; ++line) {
    const std::string text = table.substr(begin, table.find('\n', begin) - begin);
    const std::size_t end = line == 0 ? text.find("ROUGE-1") + 7 : text.find(']') + 1;
    if (line == 0) end_of_rouge1 = end;
    EXPECT_EQ(end, end_of_rouge1) << text;
    begin = table.find('\n', begin) + 1;
  }
}

TEST(Comparison, JsonHoldsTheSameFigures) {
  const auto rows = compare(systems(), kReferences, {});
  const std::string text = comparison_json(rows);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  const auto json = parse_json(text, "comparison");
  ASSERT_TRUE(json);
  const Json& first = json->at("rows").at(0);
  EXPECT_EQ(first.at("system"), "model");
  EXPECT_EQ(first.at("stratum"), "overall");
  EXPECT_EQ(first.at("notes"), 3);
  EXPECT_DOUBLE_EQ(first.at("rouge1").at("f").get<double>(), 50);
  EXPECT_EQ(first.at("rougeL").at("ci95").size(), 2U);
  EXPECT_DOUBLE_EQ(first.at("seconds_per_note").get<double>(), 0.5);
  EXPECT_TRUE(json->at("rows").at(1).at("seconds_per_note").is_null());
  for (const char* metric : {"rouge1", "rouge2", "rougeL", "rougeLsum"}) {
    for (const char* number : {"f", "p", "r"}) EXPECT_TRUE(first.at(metric).at(number).is_number());
  }
}

}  // namespace
}  // namespace epicrisis::evaluate
