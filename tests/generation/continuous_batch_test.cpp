#include "generation/continuous_batch.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>

#include "generation/generation_scheduler.hpp"
#include "generation/scripted_backend.hpp"
#include "generation/speculation/draft_cost.hpp"
#include "generation/speculation/drafts.hpp"

namespace epicrisis {
namespace {

using testing::hashed_script;
using testing::ScriptedBackend;
using Ids = std::vector<TokenId>;
using Outcome = Result<std::vector<Hypothesis>>;

constexpr int kVocabulary = 30;

/// Exactly `new_tokens`, by greedy search or beams.
GenerationConfig exactly(int new_tokens, int num_beams = 1) {
  GenerationConfig config;
  config.num_beams = num_beams;
  config.max_new_tokens = new_tokens;
  config.min_new_tokens = new_tokens;
  return config;
}

/// A batch whose sources are named by the order in which they were added.
class Batch : public ::testing::Test {
 protected:
  Batch() { backend_.parts = 2; }

  void start(BatchOptions options = {.max_stall = std::chrono::steady_clock::duration::zero()}) {
    batch_ = std::make_unique<ContinuousBatch>(backend_, options);
  }
  /// Adds `count` sources in one call and returns the name of the first.
  std::size_t add(std::size_t count, const GenerationConfig& config, std::stop_token stop = {},
                  std::optional<std::chrono::steady_clock::time_point> deadline = {},
                  std::size_t length = 3) {
    const std::size_t first = outcomes_.size();
    configs_.push_back(config);
    std::vector<BatchRequest> call;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t name = outcomes_.size();
      outcomes_.emplace_back();
      sources_.emplace_back(length, 9);
      sources_.back().front() = static_cast<TokenId>(name % kVocabulary);
      auto done = [this, name](Outcome outcome) {
        EXPECT_FALSE(outcomes_[name]) << "answered twice";
        outcomes_[name] = std::move(outcome);
        order_.push_back(name);
      };
      call.push_back({sources_.back(), &configs_.back(), stop, deadline, std::move(done)});
    }
    batch_->add(std::move(call));
    return first;
  }
  void run() {
    while (!batch_->is_idle()) batch_->turn();
  }
  bool is_done(std::size_t name) const { return outcomes_[name].has_value(); }
  ErrorCode error_of(std::size_t name) const { return outcomes_[name]->error().code; }
  bool is_right(std::size_t name, const GenerationConfig& config) const {
    ScriptedBackend alone(kVocabulary, hashed_script(kVocabulary, 4));
    alone.encoder_decoder = backend_.encoder_decoder;
    const auto expected = generate(alone, std::vector<Ids>{sources_[name]}, config).value().front();
    const Outcome& outcome = *outcomes_[name];
    if (!outcome || outcome->size() != expected.size()) return false;
    return std::equal(expected.begin(), expected.end(), outcome->begin(),
                      [](const auto& a, const auto& b) { return a.ids == b.ids && a.score == b.score; });
  }

  ScriptedBackend backend_{kVocabulary, hashed_script(kVocabulary, 4)};
  std::deque<Ids> sources_;
  std::deque<GenerationConfig> configs_;
  std::deque<std::optional<Outcome>> outcomes_;
  std::vector<std::size_t> order_;  ///< Names, as they were answered.
  std::unique_ptr<ContinuousBatch> batch_;
};

TEST_F(Batch, WhateverJoinsAndLeavesChangesNoResult) {
  for (const bool encoder_decoder : {true, false}) {
    backend_.encoder_decoder = encoder_decoder;
    backend_.rows = 12;
    start();
    std::mt19937 random(5);
    std::vector<std::pair<std::size_t, GenerationConfig>> added;
    for (int round = 0; round < 120; ++round) {
      if (random() % 3 == 0) {
        GenerationConfig config =
            exactly(1 + static_cast<int>(random() % 20), 1 + static_cast<int>(random() % 4));
        config.min_new_tokens.reset();
        config.do_sample = random() % 3 == 0;
        config.seed = random();
        const std::size_t count = 1 + random() % 5;
        const std::size_t first = add(count, config);
        for (std::size_t i = 0; i < count; ++i) added.emplace_back(first + i, config);
      }
      batch_->turn();
    }
    run();
    for (const auto& [name, config] : added) {
      ASSERT_TRUE(is_done(name));
      EXPECT_TRUE(is_right(name, config)) << "source " << name;
    }
    EXPECT_EQ(backend_.sources_left, 0);
  }
}

TEST_F(Batch, ANewcomerIsEncodedBetweenTheStepsOfOthersAndEndsBeforeThem) {
  start();
  add(8, exactly(100));
  for (int i = 0; i < 20; ++i) batch_->turn();
  const int steps = backend_.steps;
  const std::size_t late = add(1, exactly(3));
  int turns = 0;
  for (; !is_done(late); ++turns) batch_->turn();
  EXPECT_EQ(turns, backend_.parts + 3) << "a part of the encoding and a step a turn";
  EXPECT_EQ(backend_.steps - steps, turns) << "no turn without a step for those that run";
  EXPECT_EQ(order_, std::vector<std::size_t>{late});
  run();
  EXPECT_TRUE(is_right(0, exactly(100)));
}

TEST_F(Batch, AnIdleOneEncodesAtOnce) {
  backend_.parts = 50;
  start();
  const std::size_t only = add(1, exactly(2));
  batch_->turn();
  batch_->turn();
  EXPECT_TRUE(is_done(only));
}

TEST_F(Batch, ACallOfManySourcesLetsOthersIn) {
  backend_.rows = 4;
  backend_.parts = 0;
  start();
  add(50, exactly(10));
  for (int i = 0; i < 5; ++i) batch_->turn();
  const std::size_t first = add(1, exactly(2));
  const std::size_t second = add(2, exactly(2));
  for (int i = 0; i < 6; ++i) batch_->turn();
  EXPECT_TRUE(is_done(first)) << "beside the rows that the large call fills";
  EXPECT_TRUE(is_done(second));
  run();
  EXPECT_EQ(order_.size(), 53U);
}

TEST_F(Batch, ACallOfManySourcesFillsTheRowsThatTheBackendPrefers) {
  backend_.rows = 4;
  std::size_t most = 0;
  backend_.on_step = [&](std::span<const HypothesisStep> rows) { most = std::max(most, rows.size()); };
  start();
  add(20, exactly(5));
  run();
  EXPECT_EQ(most, 4U);
}

TEST_F(Batch, AStreamOfShortCallsDoesNotStarveALargeOne) {
  backend_.rows = 1;
  start();
  add(3, exactly(2));
  for (int i = 0; i < 200 && order_.size() < 150; ++i) {
    add(1, exactly(2));
    batch_->turn();
    if (is_done(0) && is_done(1) && is_done(2)) return;
  }
  FAIL() << "after " << order_.size() << " others";
}

TEST_F(Batch, AdmitsWhatTheMemoryForCachesHolds) {
  backend_.costs = {10, 100};  // 3 source tokens, 1 + 4 positions: 530 bytes
  backend_.rows = 50;
  std::size_t most = 0;
  backend_.on_step = [&](std::span<const HypothesisStep> rows) {
    std::set<SourceId> sources;
    for (const HypothesisStep& row : rows) sources.insert(row.source);
    most = std::max(most, sources.size());
  };
  start({.max_cache_bytes = 1700, .max_stall = {}});
  add(10, exactly(4));
  run();
  EXPECT_EQ(most, 3U);
  const std::size_t beams = add(1, exactly(4, 4));  // 1730 bytes
  run();
  ASSERT_FALSE(outcomes_[beams]->has_value());
  EXPECT_EQ(error_of(beams), ErrorCode::kResourceExhausted);
  EXPECT_NE(outcomes_[beams]->error().public_message.find("num_beams"), std::string::npos);
}

TEST_F(Batch, CancelledSourcesAndThoseWhoseTimeRanOutLeaveAtTheNextTurn) {
  backend_.rows = 2;
  start();
  std::stop_source stop;
  const std::size_t kept = add(1, exactly(30));
  const std::size_t running = add(1, exactly(30), stop.get_token());
  const std::size_t waiting = add(6, exactly(30), stop.get_token());
  const std::size_t late = add(1, exactly(30), {}, std::chrono::steady_clock::now());
  for (int i = 0; i < 5; ++i) batch_->turn();
  EXPECT_EQ(error_of(late), ErrorCode::kDeadlineExceeded);
  EXPECT_FALSE(is_done(running));
  stop.request_stop();
  batch_->turn();
  EXPECT_EQ(error_of(running), ErrorCode::kCancelled);
  for (int turns = 0; turns < 4; ++turns) batch_->turn();  // those that are being encoded first end that
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(error_of(waiting + i), ErrorCode::kCancelled);
  run();
  EXPECT_TRUE(is_right(kept, exactly(30)));
  EXPECT_EQ(backend_.sources_left, 0);
}

TEST_F(Batch, ASourceThatCannotBeEncodedFailsAlone) {
  backend_.refused = 3;
  start();
  add(6, exactly(4));
  run();
  for (std::size_t name = 0; name < 6; ++name) {
    if (name == 3) {
      EXPECT_EQ(error_of(name), ErrorCode::kResourceExhausted);
    } else {
      EXPECT_TRUE(is_right(name, exactly(4))) << "source " << name;
    }
  }
}

TEST_F(Batch, WhereAStepDoesNotFitTheLastToComeIsGivenUp) {
  backend_.most_rows = 3;
  start();
  add(4, exactly(6));
  run();
  EXPECT_EQ(error_of(3), ErrorCode::kResourceExhausted);
  for (std::size_t name = 0; name < 3; ++name) EXPECT_TRUE(is_right(name, exactly(6))) << "source " << name;
}

TEST_F(Batch, APromptIsFedInPiecesBesideOthers) {
  backend_.encoder_decoder = false;
  std::size_t longest = 0;
  backend_.on_step = [&](std::span<const HypothesisStep> rows) {
    std::size_t tokens = 0;
    for (const HypothesisStep& row : rows) tokens += row.tokens.size();
    longest = std::max(longest, tokens);
  };
  start();
  add(3, exactly(40));
  batch_->turn();
  longest = 0;
  const std::size_t late = add(2, exactly(4, 2), {}, {}, 300);
  run();
  EXPECT_LT(longest, 80U);
  EXPECT_TRUE(is_right(0, exactly(40)));
  EXPECT_TRUE(is_right(late, exactly(4, 2)));
  EXPECT_TRUE(is_right(late + 1, exactly(4, 2)));
}

TEST_F(Batch, TheEndOfABatchCancelsWhatIsLeft) {
  start();
  add(3, exactly(10));
  for (int i = 0; i < 5; ++i) batch_->turn();
  batch_.reset();
  for (std::size_t name = 0; name < 3; ++name) EXPECT_EQ(error_of(name), ErrorCode::kCancelled);
}

/// Logits that mostly go on with what followed the last token in the source: texts that copy.
testing::Script copying_script(std::uint64_t seed) {
  return [random = hashed_script(kVocabulary, seed)](const Ids& source, const Ids& prefix) {
    std::vector<float> logits = random(source, prefix);
    const auto found = std::find(source.begin(), source.end(), prefix.back());
    if (found != source.end() && found + 1 != source.end())
      logits[static_cast<std::size_t>(found[1])] += 4.5F;
    return logits;
  };
}

TEST(Speculation, ChangesNoResultWhateverTheSettings) {
  std::mt19937 random(3);
  int drafted = 0;
  for (int round = 0; round < 2000; ++round) {
    ScriptedBackend backend(kVocabulary, copying_script(random()));
    backend.encoder_decoder = random() % 3 > 0;
    GenerationConfig config;
    config.max_new_tokens = 2 + static_cast<int>(random() % 40);
    config.min_new_tokens = static_cast<int>(random() % 3);
    config.no_repeat_ngram_size = static_cast<int>(random() % 4);
    config.encoder_no_repeat_ngram_size = backend.encoder_decoder && random() % 8 == 0 ? 3 : 0;
    config.repetition_penalty = random() % 4 == 0 ? 1.3 : 1.0;
    config.forced_eos_token_ids = random() % 4 == 0 ? Ids{1} : Ids{};
    config.do_sample = random() % 4 == 0;
    config.temperature = 0.5;
    config.num_return_sequences = config.do_sample ? 1 + static_cast<int>(random() % 3) : 1;
    config.seed = random();
    std::vector<Ids> sources(1 + random() % 3);
    for (Ids& source : sources)
      for (std::size_t n = 1 + random() % 25; n > 0; --n)
        source.push_back(2 + static_cast<TokenId>(random() % 28));
    const auto plain = generate(backend, sources, config).value();
    config.prompt_lookup_num_tokens = 1 + static_cast<int>(random() % 12);
    config.max_matching_ngram_size = 1 + static_cast<int>(random() % 4);
    GenerationScheduler scheduler(std::shared_ptr<const Backend>(std::shared_ptr<void>(), &backend),
                                  {.draft_cost = 0});
    const auto found = scheduler.generate(sources, config);
    ASSERT_TRUE(found) << found.error().to_line();
    for (std::size_t i = 0; i < sources.size(); ++i)
      for (std::size_t j = 0; j < plain[i].size(); ++j) {
        ASSERT_EQ(found->at(i).at(j).ids, plain[i][j].ids) << "round " << round;
        ASSERT_EQ(found->at(i)[j].score, plain[i][j].score) << "round " << round;
        ASSERT_LE(found->at(i)[j].steps, plain[i][j].steps);
        drafted += plain[i][j].steps - found->at(i)[j].steps;
      }
  }
  EXPECT_GT(drafted, 5000) << "few drafts came true";
}

TEST(Speculation, ABackendThatCannotScoreDraftsGetsNone) {
  ScriptedBackend backend(kVocabulary, copying_script(1));
  backend.drafts = false;
  GenerationConfig config = exactly(20);
  config.prompt_lookup_num_tokens = 5;
  const auto found = generate(backend, std::vector<Ids>{{4, 5, 6, 7, 8, 9}}, config);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->at(0).at(0).steps, 20);
}

TEST(PromptLookup, ProposesWhatFollowedTheLongestContext) {
  const Ids source = {10, 11, 12, 20, 11, 12, 13, 21, 22};
  const PromptLookup lookup(source, {.max_tokens = 3, .max_ngram = 4});
  Draft draft;
  lookup.propose(Ids{0, 10, 11, 12}, draft);
  EXPECT_EQ(draft.tokens, (Ids{20, 11, 12}));
  EXPECT_EQ(draft.context, 3);
  lookup.propose(Ids{0, 20, 11, 12}, draft);
  EXPECT_EQ(draft.tokens, (Ids{13, 21, 22}));
  lookup.propose(Ids{0, 7, 8, 9, 7, 8}, draft);
  EXPECT_EQ(draft.tokens, (Ids{9, 7, 8})) << "from what was written";
  EXPECT_EQ(draft.context, 2);
  lookup.propose(Ids{0, 21}, draft);
  EXPECT_EQ(draft.tokens, Ids{22}) << "no further than the source";
  lookup.propose(Ids{0, 22}, draft);
  EXPECT_TRUE(draft.tokens.empty()) << "nothing follows the last token";
  EXPECT_EQ(draft.context, 0);
}

TEST(PromptLookup, PassesOverWhatWouldRepeatAnNgram) {
  const Ids source = {10, 11, 12, 20, 11, 12, 13};
  Draft draft;
  PromptLookup(source, {.no_repeat_source_ngram = 4}).propose(Ids{0, 10, 11, 12}, draft);
  EXPECT_EQ(draft.tokens, Ids{13}) << "10 11 12 20 is a sequence of four";
  EXPECT_EQ(draft.context, 2);
  PromptLookup({}, {.no_repeat_ngram = 3}).propose(Ids{5, 6, 7, 5, 6}, draft);
  EXPECT_TRUE(draft.tokens.empty());
  PromptLookup({}, {.max_ngram = 1, .no_repeat_ngram = 3}).propose(Ids{5, 6, 7, 5, 6}, draft);
  EXPECT_TRUE(draft.tokens.empty()) << "however little is compared";
  PromptLookup({}, {.no_repeat_ngram = 3}).propose(Ids{5, 6, 7, 6}, draft);
  EXPECT_EQ(draft.tokens, (Ids{7, 6}));
}

TEST(DraftCost, FindsTheShareThatGrowsWithTheTokens) {
  DraftCost cost;
  EXPECT_GT(cost.share(1), 0.05);
  EXPECT_GT(cost.share(64), 0.8);
  for (int step = 0; step < 50; ++step) {
    const std::size_t tokens = step % 3 == 0 ? 1 : 1 + static_cast<std::size_t>(step % 7);
    cost.record(tokens, 0.010 + 0.0005 * static_cast<double>(tokens));
  }
  EXPECT_NEAR(cost.share(1), 0.5 / 10.5, 1e-6);
  EXPECT_NEAR(cost.share(20), 0.5, 1e-6);
  for (int step = 0; step < 600; ++step) cost.record(1, 0.0105);
  EXPECT_NEAR(cost.share(1), 1.0 / 3, 1e-6) << "steps of one length tell nothing";
}

TEST(Drafts, AreFedOnlyWhereTheyPayAndLearnedFromInAnyCase) {
  const Ids source = {3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  GenerationConfig config;
  config.prompt_lookup_num_tokens = 6;
  Drafts drafts(config, source);
  EXPECT_EQ(drafts.propose(Ids{0, 3}, 99, 1.0).size(), 0U);
  EXPECT_EQ(drafts.propose(Ids{0, 3}, 99, 0.0).size(), 6U);
  EXPECT_EQ(drafts.propose(Ids{0, 3}, 2, 0.0).size(), 2U);
  for (int i = 0; i < 30; ++i) {
    drafts.propose(Ids{0, 3}, 99, 1.0);
    drafts.learn(Ids{20});
  }
  EXPECT_TRUE(drafts.propose(Ids{0, 3}, 99, 0.2).empty()) << "they never came true";
  for (int i = 0; i < 60; ++i) {
    drafts.propose(Ids{0, 3}, 99, 1.0);
    drafts.learn(Ids{4, 5});
  }
  EXPECT_GE(drafts.propose(Ids{0, 3}, 99, 0.2).size(), 2U) << "now they do, though none was fed";
}

TEST(GenerationScheduler, ThreadsShareABatchAndGetWhatEachWouldGetAlone) {
  auto backend = std::make_shared<ScriptedBackend>(kVocabulary, hashed_script(kVocabulary, 4));
  backend->parts = 3;
  std::size_t most = 0;
  backend->on_step = [&](std::span<const HypothesisStep> rows) { most = std::max(most, rows.size()); };
  GenerationScheduler scheduler(backend);
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> threads;
    for (TokenId thread = 0; thread < 8; ++thread)
      threads.emplace_back([&, thread] {
        for (int i = 0; i < 20; ++i) {
          const std::vector<Ids> sources = {{thread, 5}, {thread, static_cast<TokenId>(i)}};
          const GenerationConfig config = exactly(5 + i, 1 + thread % 3);
          const ScriptedBackend alone(kVocabulary, hashed_script(kVocabulary, 4));
          const auto expected = generate(alone, sources, config).value();
          const auto found = scheduler.generate(sources, config);
          if (found && found->at(0).at(0).ids == expected[0][0].ids &&
              found->at(1).at(0).ids == expected[1][0].ids)
            ++right;
        }
      });
  }
  EXPECT_EQ(right, 160);
  EXPECT_EQ(backend->sources_left, 0);
}

TEST(GenerationScheduler, ACallEndsWithItsFirstFailure) {
  auto backend = std::make_shared<ScriptedBackend>(kVocabulary, hashed_script(kVocabulary, 4));
  backend->refused = 3;
  GenerationScheduler scheduler(backend);
  const auto found = scheduler.generate(std::vector<Ids>{{1}, {3}, {2}}, exactly(900));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(backend->sources_left, 0);
  EXPECT_TRUE(scheduler.generate(std::vector<Ids>{{1}}, exactly(2)));
  EXPECT_EQ(scheduler.generate(std::vector<Ids>{{}}, exactly(2)).error().code, ErrorCode::kInvalidArgument);
}

TEST(GenerationScheduler, AnExceptionEndsWhatRunsAndNotTheScheduler) {
  bool broken = true;
  auto backend = std::make_shared<ScriptedBackend>(kVocabulary, [&](const Ids& source, const Ids& prefix) {
    if (broken && prefix.size() == 4) throw std::runtime_error("Canary");
    return hashed_script(kVocabulary, 4)(source, prefix);
  });
  GenerationScheduler scheduler(backend);
  const auto found = scheduler.generate(std::vector<Ids>{{1}, {2}}, exactly(9));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::kInternal);
  EXPECT_EQ(found.error().to_line().find("Canary"), std::string::npos);
  broken = false;
  EXPECT_TRUE(scheduler.generate(std::vector<Ids>{{1}}, exactly(9)));
}

}  // namespace
}  // namespace epicrisis
