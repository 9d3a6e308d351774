// Decoder-only models behind a Summarizer: what is read, and what of the sequence is shown. Skipped where no
// such fixture lies.
#include <gtest/gtest.h>

#include "base/json.hpp"
#include "summarize/prompt.hpp"
#include "summarize/summarizer.hpp"
#include "support/families.hpp"
#include "support/fixtures.hpp"
#include "text/tokenizer.hpp"

namespace epicrisis {
namespace {

TEST(Prompt, HoldsTheNoteOnce) {
  const auto prompt = parse_prompt("Note: {note}\nTL;DR:");
  ASSERT_TRUE(prompt);
  EXPECT_EQ(prompt->around("Pain."), "Note: Pain.\nTL;DR:");
  EXPECT_FALSE(parse_prompt("no place"));
  EXPECT_FALSE(parse_prompt("{note} {note}"));
}

TEST(Prompt, OfConfigIsThePrefixOfTheTaskElseThatOfTheModel) {
  const Json config = {{"prefix", "general: "},
                       {"task_specific_params", {{"summarization", {{"prefix", "summarize: "}}}}}};
  EXPECT_EQ(prompt_of_config(config, Task::kSummarization).before, "summarize: ");
  EXPECT_EQ(prompt_of_config(config, Task::kText2TextGeneration).before, "general: ");
  EXPECT_EQ(prompt_of_config({{"prefix", nullptr}}, Task::kSummarization).before, "");
}

TEST(Prompt, OfConfigEndsWithTheSuffixThatAModelWasTrainedWith) {
  const Json config = {
      {"task_specific_params", {{"summarization", {{"prefix", "Note: "}, {"suffix", "\nTL;DR:"}}}}}};
  EXPECT_EQ(prompt_of_config(config, Task::kSummarization).around("Pain."), "Note: Pain.\nTL;DR:");
  EXPECT_EQ(prompt_of_config(config, Task::kText2TextGeneration).after, "");
  const Json general = {{"prefix", ""},
                        {"suffix", "\nTL;DR:"},
                        {"task_specific_params", {{"summarization", {{"prefix", "summarize: "}}}}}};
  EXPECT_EQ(prompt_of_config(general, Task::kTextGeneration).after, "\nTL;DR:");
  EXPECT_EQ(prompt_of_config(general, Task::kSummarization).after, "") << "it stands beside another prefix";
}

/// A fixture's text with what greedy search makes of it.
struct Known {
  std::string note;
  std::vector<TokenId> ids;
  std::string text;
};

class Continuation : public ::testing::TestWithParam<std::filesystem::path> {
 protected:
  void SetUp() override {
    if (!testing::is_listed_family(testing::family_of(GetParam())))
      GTEST_SKIP() << "unsupported: docs/families.md does not list it";
    const Json expected = read_json_file(GetParam() / "expected.json").value();
    const Json& greedy = expected["generate"][0];
    ASSERT_EQ(greedy["name"], "greedy");
    const auto tokenizer = Tokenizer::load(GetParam());
    ASSERT_TRUE(tokenizer) << tokenizer.error().to_line();
    for (const Json& result : greedy["results"]) {
      const std::vector<TokenId> ids = expected["generate_inputs"][result["input"].get<std::size_t>()];
      std::string note = tokenizer->decode(ids);
      // A prompt cut out of a longer text may be spelled by other tokens.
      if (tokenizer->encode(note).ids != ids) continue;
      known_.push_back({std::move(note), result["sequences"][0], result["texts"][0]});
    }
    ASSERT_FALSE(known_.empty());
    new_tokens_ = greedy["kwargs"]["max_new_tokens"];
  }

  std::shared_ptr<const Summarizer> load(Task task) const {
    const auto loaded = Summarizer::load(GetParam(), {.threads = 1, .task = task});
    EXPECT_TRUE(loaded) << loaded.error().to_line();
    return loaded ? *loaded : nullptr;
  }

  std::vector<Known> known_;
  int new_tokens_ = 0;
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Continuation);

TEST_P(Continuation, IsTheReferencesAndShownAsAsked) {
  const auto summarizer = load(Task::kTextGeneration);
  ASSERT_TRUE(summarizer);
  EXPECT_FALSE(summarizer->is_encoder_decoder());
  EXPECT_TRUE(summarizer->default_output().full_text);
  TextSettings settings{summarizer->defaults(), {.full_text = true}};
  settings.generation.max_new_tokens = new_tokens_;
  for (const Known& known : known_) {
    const auto full = summarizer->summarize({&known.note, 1}, settings);
    ASSERT_TRUE(full) << full.error().to_line();
    EXPECT_EQ(full->at(0).token_ids, known.ids);
    EXPECT_EQ(full->at(0).given_tokens, full->at(0).source_tokens);
    EXPECT_EQ(full->at(0).text, known.text);
    TextSettings rest = settings;
    rest.output.full_text = false;
    EXPECT_EQ(known.note + summarizer->summarize({&known.note, 1}, rest)->at(0).text, known.text);
  }
}

TEST_P(Continuation, IsTheSummary) {
  const auto summarizer = load(Task::kSummarization);
  ASSERT_TRUE(summarizer);
  GenerationConfig config = summarizer->defaults();
  config.max_new_tokens = new_tokens_;
  const auto summaries = summarizer->summarize({&known_[0].note, 1}, config);
  ASSERT_TRUE(summaries) << summaries.error().to_line();
  const std::string& text = summaries->at(0).text;
  EXPECT_TRUE(text.empty() || (text.front() != ' ' && text.back() != ' '));
  EXPECT_NE(known_[0].text.substr(known_[0].note.size()).find(text), std::string::npos);
}

TEST_P(Continuation, OfALongNoteHasRoom) {
  const auto summarizer = load(Task::kSummarization);
  ASSERT_TRUE(summarizer);
  if (summarizer->max_source_tokens() > 100'000) GTEST_SKIP() << "the model sets no limit";
  std::string note;
  for (int i = 0; i < 1000; ++i) note += "The patient is stable. ";
  GenerationConfig config = summarizer->defaults();
  config.max_new_tokens = 5;
  const auto summaries = summarizer->summarize({&note, 1}, config);
  ASSERT_TRUE(summaries) << summaries.error().to_line();
  EXPECT_EQ(summaries->at(0).source_tokens, summarizer->max_source_tokens() - 5);
  EXPECT_GT(summaries->at(0).dropped_tokens, 0);
  config.max_new_tokens.reset();
  config.max_length = 20;
  const auto full = summarizer->summarize({&note, 1}, config);
  ASSERT_FALSE(full);
  EXPECT_NE(full.error().to_line().find("max_new_tokens"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Gpt2, Continuation,
                         ::testing::ValuesIn(testing::find_fixtures("gpt2", "expected.json")),
                         [](const auto& test) { return testing::fixture_name(test.param); });
INSTANTIATE_TEST_SUITE_P(Bloom, Continuation,
                         ::testing::ValuesIn(testing::find_fixtures("bloom", "expected.json")),
                         [](const auto& test) { return testing::fixture_name(test.param); });

}  // namespace
}  // namespace epicrisis
