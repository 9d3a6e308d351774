#include "report/line_chart.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "report/html.hpp"
#include "report/table.hpp"
#include "report/ticks.hpp"

namespace epicrisis::report {
namespace {
using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pointwise;

std::size_t occurrences(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(Ticks, AreRoundAndCoverTheRange) {
  EXPECT_THAT(round_ticks(0, 100, 5), Pointwise(DoubleEq(), {0.0, 50.0, 100.0}));
  EXPECT_THAT(round_ticks(0.3, 9.7, 6), Pointwise(DoubleEq(), {0.0, 2.0, 4.0, 6.0, 8.0, 10.0}));
  for (const double scale : {1e-6, 1e-3, 1.0, 12345.0}) {
    const auto ticks = round_ticks(-1.1 * scale, 2.7 * scale, 5);
    EXPECT_LE(ticks.front(), -1.1 * scale);
    EXPECT_GE(ticks.back(), 2.7 * scale);
    EXPECT_LE(ticks.size(), 9U);
  }
}

TEST(Ticks, GiveRoomAroundASingleValue) {
  for (const double value : {0.0, 5.0, -2e-5}) {
    const auto ticks = round_ticks(value, value, 5);
    EXPECT_LT(ticks.front(), value);
    EXPECT_GT(ticks.back(), value);
  }
}

TEST(LineChart, DrawsAPointForEachFiniteValue) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::string html = to_html({"c", "Loss", "step", "loss", {{"one", {{1, 2}, {2, nan}, {3, 1}}}}});
  EXPECT_EQ(occurrences(html, "<circle"), 2U);
  EXPECT_THAT(html, HasSubstr("role=\"img\" aria-labelledby=\"c-title c-text\""));
  EXPECT_THAT(html, HasSubstr("one: from 2 to 1, lowest 1 at 3, highest 2 at 1."));
  EXPECT_THAT(html, Not(HasSubstr("nan")));
}

TEST(LineChart, IsEmptyWithoutPoints) {
  EXPECT_EQ(to_html({"c", "Loss", "step", "loss", {{"one", {}}}}), "");
}

TEST(LineChart, ThinsOutLongSeriesButKeepsSpikes) {
  Series series{"long", {}};
  for (int i = 0; i < 100000; ++i) series.points.push_back({double(i), i == 77777 ? 50.0 : 1.0});
  const std::string html = to_html({"c", "Loss", "step", "loss", {series}});
  EXPECT_LT(html.size(), 60000U);
  EXPECT_THAT(html, HasSubstr("highest 50 at 77777"));
}

TEST(LineChart, TellsItsLinesApart) {
  const std::string html = to_html({"c", "Loss", "step", "loss", {{"a<b", {{1, 1}}}, {"c", {{1, 2}}}}});
  EXPECT_THAT(html, HasSubstr("class=\"line line-1\""));
  EXPECT_THAT(html, HasSubstr("a&lt;b"));
  EXPECT_THAT(html, Not(HasSubstr("a<b")));
}

TEST(Html, EscapesWhatHasMeaning) {
  EXPECT_EQ(escaped("<a href=\"x\">'&'</a>"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
  EXPECT_EQ(escaped(std::string("a\0b\tc\n", 6)), "a\uFFFDb\tc\n");
  EXPECT_EQ(escaped("é ½"), "é ½");
}

TEST(Html, SaysWhereThereIsNoText) { EXPECT_THAT(text_block(""), HasSubstr("(no text)")); }

TEST(Table, EscapesCellsAndNamesRows) {
  const std::string html = to_html(Table{"scores", {{"system"}, {"score", true}}, {{"<x>", "1"}}});
  EXPECT_THAT(html, HasSubstr("<th scope=\"row\">&lt;x&gt;</th><td class=\"number\">1</td>"));
  EXPECT_THAT(html, HasSubstr("<caption>scores</caption>"));
}

}  // namespace
}  // namespace epicrisis::report
