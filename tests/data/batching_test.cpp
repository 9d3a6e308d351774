// Collation and batch plans.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "data/batch_plan.hpp"
#include "data/packed_batch.hpp"
#include "data/source_matches.hpp"

namespace epicrisis::data {
namespace {

TEST(PackedBatch, ShiftsLabelsBehindTheStartToken) {
  const std::vector<TrainingPair> pairs = {{{5, 6, 1}, {7, 8, 1}}, {{9, 1}, {4, 1}}};
  const PackedBatch batch = pack(pairs, {0, 0});
  EXPECT_EQ(batch.source_ids, (std::vector<TokenId>{5, 6, 1, 9, 1}));
  EXPECT_EQ(batch.source_offsets, (std::vector<std::int64_t>{0, 3, 5}));
  EXPECT_EQ(batch.decoder_ids, (std::vector<TokenId>{0, 7, 8, 0, 4}));
  EXPECT_EQ(batch.labels, (std::vector<TokenId>{7, 8, 1, 4, 1}));
  EXPECT_EQ(batch.target_offsets, (std::vector<std::int64_t>{0, 3, 5}));
  EXPECT_EQ(batch.tokens(), 10U);
}

TEST(PackedBatch, WithoutAStartTokenTheLastLabelComesFirst) {
  // shift_tokens_right() of modeling_mbart.py, of labels "x y </s> language" and padding.
  PackedBatch batch;
  const std::vector<TokenId> source = {5, 2};
  const std::vector<TokenId> labels = {7, 8, 2, 11, kIgnoredLabel};
  append_pair(batch, source, labels, {std::nullopt, 1});
  append_pair(batch, source, std::vector<TokenId>{kIgnoredLabel}, {std::nullopt, 1});
  EXPECT_EQ(batch.decoder_ids, (std::vector<TokenId>{11, 7, 8, 2}));
  EXPECT_EQ(batch.labels, (std::vector<TokenId>{7, 8, 2, 11}));
}

TEST(PackedBatch, IgnoredLabelsBecomePadInTheInputAndAreDroppedAtTheEnd) {
  PackedBatch batch;
  const std::vector<TokenId> source = {5, 1};
  const std::vector<TokenId> labels = {7, kIgnoredLabel, 8, 1, kIgnoredLabel, kIgnoredLabel};
  append_pair(batch, source, labels, {2, 0});
  EXPECT_EQ(batch.decoder_ids, (std::vector<TokenId>{2, 7, 0, 8}));
  EXPECT_EQ(batch.labels, (std::vector<TokenId>{7, kIgnoredLabel, 8, 1}));
}

TEST(PackedBatch, ASequencesLabelsAreItsOwnNextTokens) {
  PackedBatch batch;
  append_sequence(batch, std::vector<TokenId>{5, 6, 7, 8, 3},
                  std::vector<TokenId>{5, kIgnoredLabel, 7, 8, kIgnoredLabel});
  append_continuation(batch, std::vector<TokenId>{5, 6}, std::vector<TokenId>{9, 2});
  EXPECT_TRUE(batch.source_ids.empty());
  EXPECT_EQ(batch.source_offsets, (std::vector<std::int64_t>{0, 0, 0}));
  EXPECT_EQ(batch.decoder_ids, (std::vector<TokenId>{5, 6, 7, 5, 6, 9}));
  EXPECT_EQ(batch.labels, (std::vector<TokenId>{kIgnoredLabel, 7, 8, kIgnoredLabel, 9, 2}));
  EXPECT_EQ(batch.target_offsets, (std::vector<std::int64_t>{0, 3, 6}));
}

TEST(PackedBatch, ASequenceWithoutLabelsAddsNoTokens) {
  PackedBatch batch;
  append_sequence(batch, std::vector<TokenId>{5, 6}, std::vector<TokenId>{kIgnoredLabel, kIgnoredLabel});
  EXPECT_EQ(batch.sequences(), 1U);
  EXPECT_EQ(batch.tokens(), 0U);
}

/// The source rows that label `target` could come from; empty when there is no match for it.
std::vector<std::int64_t> places_of(const SourceMatches& matches, std::int64_t target) {
  for (std::size_t i = 0; i < matches.targets.size(); ++i)
    if (matches.targets[i] == target)
      return {matches.sources.begin() + matches.offsets[i], matches.sources.begin() + matches.offsets[i + 1]};
  return {};
}

TEST(SourceMatches, AreTheBestContinuedPlacesOfEachLabel) {
  // 7 stands twice; behind 6 once. 9 stands once. 8 does not.
  const std::vector<TrainingPair> pairs = {{{7, 5, 6, 7, 9, 1}, {6, 7, 8, 9, 7, 1}}};
  const SourceMatches matches = source_matches(pack(pairs, {0, 0}));
  EXPECT_EQ(matches.targets, (std::vector<std::int64_t>{0, 1, 3, 4}));
  EXPECT_EQ(places_of(matches, 0), (std::vector<std::int64_t>{2}));
  EXPECT_EQ(places_of(matches, 1), (std::vector<std::int64_t>{3}));
  EXPECT_EQ(places_of(matches, 3), (std::vector<std::int64_t>{4}));
  EXPECT_EQ(places_of(matches, 4), (std::vector<std::int64_t>{0, 3}));
}

TEST(SourceMatches, StayWithinTheirSequence) {
  const std::vector<TrainingPair> pairs = {{{5, 1}, {6, 1}}, {{6, 4, 1}, {5, 4, 1}}};
  const SourceMatches matches = source_matches(pack(pairs, {0, 0}));
  EXPECT_EQ(matches.targets, (std::vector<std::int64_t>{3}));
  EXPECT_EQ(matches.sources, (std::vector<std::int64_t>{3}));
}

TEST(SourceMatches, LeaveOutWhatTellsNothing) {
  // The closing label; a token that is everywhere, unless the one before it agrees; an ignored label.
  const std::vector<TrainingPair> pairs = {{{3, 9, 3, 3, 1}, {3, 8, 9, 3, kIgnoredLabel, 9}}};
  const SourceMatches matches = source_matches(pack(pairs, {0, 0}));
  EXPECT_EQ(matches.targets, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(places_of(matches, 3), (std::vector<std::int64_t>{2}));
}

std::vector<std::uint32_t> lengths(std::size_t count) {
  std::vector<std::uint32_t> result;
  for (std::size_t i = 0; i < count; ++i) result.push_back(static_cast<std::uint32_t>(10 + i * 7919 % 90));
  return result;
}

std::vector<std::uint32_t> flattened(const Batches& batches) {
  std::vector<std::uint32_t> all;
  for (const auto& batch : batches) all.insert(all.end(), batch.begin(), batch.end());
  return all;
}

TEST(BatchPlan, EveryExampleOnceInEveryMode) {
  const auto sizes = lengths(3000);
  for (const BatchOptions options : {BatchOptions{16, 0, false}, BatchOptions{16, 0, true},
                                     BatchOptions{1, 500, false}, BatchOptions{1, 500, true}}) {
    std::vector<std::uint32_t> all = flattened(plan_batches(sizes, options, 1, 2));
    std::sort(all.begin(), all.end());
    std::vector<std::uint32_t> expected(sizes.size());
    std::iota(expected.begin(), expected.end(), 0U);
    EXPECT_EQ(all, expected);
  }
}

TEST(BatchPlan, TokenBudgetsHold) {
  const auto sizes = lengths(3000);
  for (const auto& batch : plan_batches(sizes, {1, 500, false}, 1, 0)) {
    std::size_t tokens = 0;
    for (const std::uint32_t index : batch) tokens += sizes[index];
    EXPECT_LE(tokens, 500U);
  }
}

TEST(BatchPlan, AnExampleAboveTheBudgetStandsAlone) {
  EXPECT_EQ(plan_batches_in_order(std::vector<std::uint32_t>{600, 10, 20}, {1, 500, false}),
            (Batches{{0}, {1, 2}}));
}

TEST(BatchPlan, SeedAndEpochSettleTheOrder) {
  const auto sizes = lengths(100);
  const BatchOptions options{8, 0, false};
  EXPECT_EQ(plan_batches(sizes, options, 1, 0), plan_batches(sizes, options, 1, 0));
  EXPECT_NE(plan_batches(sizes, options, 1, 0), plan_batches(sizes, options, 1, 1));
  EXPECT_NE(plan_batches(sizes, options, 1, 0), plan_batches(sizes, options, 2, 0));
}

TEST(BatchPlan, GroupingPutsSimilarLengthsTogether) {
  const auto sizes = lengths(2048);
  const auto spread = [&](bool group) {
    std::size_t total = 0;
    for (const auto& batch : plan_batches(sizes, {16, 0, group}, 1, 0)) {
      const auto [low, high] = std::minmax_element(batch.begin(), batch.end(),
                                                   [&](auto a, auto b) { return sizes[a] < sizes[b]; });
      total += sizes[*high] - sizes[*low];
    }
    return total;
  };
  EXPECT_LT(spread(true) * 5, spread(false));
}

}  // namespace
}  // namespace epicrisis::data
