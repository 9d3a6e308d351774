// The page a run leaves.
#include "train/report/training_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "train/report/example_choice.hpp"

namespace epicrisis::train {
namespace {
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TrainingReport small_report() {
  TrainingReport report;
  report.name = "run <1>";
  report.results = {{"global_step", 1200}, {"train_runtime", 3725.0}};
  for (int step = 1; step <= 3; ++step)
    report.metrics.push_back({{"step", step}, {"loss", 3.0 - step}, {"learning_rate", 1e-4 * step}});
  report.metrics.push_back({{"step", 3}, {"eval_loss", 0.5}, {"eval_rouge1", 40}});
  report.options = {{"learning_rate", 5e-4}, {"train_file", {"a.csv"}}};
  report.scores.emplace_back().system = "after training";
  return report;
}

ReportedExample hostile_example() {
  ReportedExample example;
  example.number = 7;
  example.note = "</div><script>alert(1)</script> BP < 90 & \"faint\"\nsecond line";
  example.reference = "the reference";
  example.before = "the old output";
  example.after = "the new output";
  return example;
}

TEST(TrainingReport, EscapesEveryText) {
  TrainingReport report = small_report();
  report.worst = {hostile_example()};
  const std::string html = to_html(report);
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html,
              HasSubstr("&lt;script&gt;alert(1)&lt;/script&gt; BP &lt; 90 &amp; &quot;faint&quot;\nsecond"));
  EXPECT_THAT(html, HasSubstr("run &lt;1&gt;"));
}

TEST(TrainingReport, ShowsNoteReferenceAndBothOutputs) {
  TrainingReport report = small_report();
  report.random = {hostile_example()};
  const std::string html = to_html(report);
  for (const char* text : {"the reference", "the old output", "the new output", "Before fine-tuning",
                           "Validation note 7", "This file holds text of notes."})
    EXPECT_THAT(html, HasSubstr(text));
}

TEST(TrainingReport, WithoutExamplesSaysThatItHoldsNoText) {
  const std::string html = to_html(small_report());
  EXPECT_THAT(html, HasSubstr("no text of notes"));
  EXPECT_THAT(html, Not(HasSubstr("id=\"examples\"")));
}

TEST(TrainingReport, NeedsNoOtherFile) {
  const std::string html = to_html(small_report());
  for (const char* loading : {"src=", "http:", "https:", "@import", "url("})
    EXPECT_THAT(html, Not(HasSubstr(loading)));
}

TEST(TrainingReport, DrawsTheCurvesThereAre) {
  const std::string html = to_html(small_report());
  EXPECT_THAT(html, HasSubstr("training: from 2 to 0, lowest 0 at 3, highest 2 at 1."));
  EXPECT_THAT(html, HasSubstr("ROUGE-1: from 40 to 40"));
  EXPECT_THAT(html, Not(HasSubstr("Peak memory"))) << "no line gives it";
  EXPECT_THAT(html, HasSubstr("1 h 02 min"));
}

TEST(ChooseExamples, TakesTheLowestAndASample) {
  const std::vector<double> scores = {5, 1, 4, 1, 3, 9};
  const ExampleChoice choice = choose_examples(scores, 3, 42);
  EXPECT_THAT(choice.worst, ElementsAre(1, 3, 4));
  EXPECT_EQ(choice.random.size(), 3U);
  EXPECT_EQ(choice.random, choose_examples(scores, 3, 42).random);
  EXPECT_EQ(choose_examples(scores, 100, 1).random.size(), scores.size());
}

}  // namespace
}  // namespace epicrisis::train
