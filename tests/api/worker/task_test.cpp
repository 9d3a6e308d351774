#include "api/worker/task.hpp"

#include <gtest/gtest.h>

namespace epicrisis::api {
namespace {

TEST(Task, FollowsFromTheArchitectureAndIsNeverSummarization) {
  EXPECT_EQ(*task_of_architecture("PegasusForConditionalGeneration"), Task::kText2TextGeneration);
  EXPECT_EQ(*task_of_architecture("MarianMTModel"), Task::kText2TextGeneration);
  EXPECT_EQ(*task_of_architecture("EncoderDecoderModel"), Task::kText2TextGeneration);
  EXPECT_EQ(*task_of_architecture("BloomForCausalLM"), Task::kTextGeneration);
  EXPECT_EQ(*task_of_architecture("GPT2LMHeadModel"), Task::kTextGeneration);
  for (const char* none : {"", "BertForSequenceClassification", "PegasusModel"}) {
    const auto task = task_of_architecture(none);
    ASSERT_FALSE(task.has_value()) << none;
    EXPECT_EQ(task.error().code, ErrorCode::kUnsupported);
  }
}

TEST(Task, TheCommandLineGoesBeforeTheEnvironmentBeforeTheModel) {
  constexpr auto kPegasus = "PegasusForConditionalGeneration";
  EXPECT_EQ(*choose_task("text-generation", "summarization", kPegasus), Task::kTextGeneration);
  EXPECT_EQ(*choose_task(std::nullopt, "summarization", kPegasus), Task::kSummarization);
  EXPECT_EQ(*choose_task(std::nullopt, "", kPegasus), Task::kText2TextGeneration);
  EXPECT_FALSE(choose_task("translation", "", kPegasus).has_value());
  EXPECT_FALSE(choose_task(std::nullopt, "fill-mask", kPegasus).has_value());
}

TEST(Task, NamesItsResult) {
  EXPECT_EQ(result_key(Task::kSummarization), "summary_text");
  EXPECT_EQ(result_key(Task::kText2TextGeneration), "generated_text");
  EXPECT_EQ(result_key(Task::kTextGeneration), "generated_text");
}

}  // namespace
}  // namespace epicrisis::api
