#include <gtest/gtest.h>

#include <array>
#include <stdexcept>
#include <utility>

#include "base/json.hpp"
#include "text/tokenizer.hpp"

// Truncation and padding.
namespace epicrisis {
namespace {

/// Every letter a word; a text is framed by 8 and 9.
Tokenizer letters(Json blocks = Json::object()) {
  Json file = parse_json(R"({
    "pre_tokenizer": {"type": "WhitespaceSplit"},
    "post_processor": {"type": "BertProcessing", "cls": ["<", 8], "sep": [">", 9]},
    "model": {"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0, "a": 1, "b": 2, "c": 3, "d": 4, "e": 5}}})",
                         "test")
                  .value();
  file.update(blocks);
  auto tokenizer = Tokenizer::parse(file.dump());
  if (!tokenizer) throw std::runtime_error(tokenizer.error().to_line());
  return std::move(*tokenizer);
}

using Ids = std::vector<TokenId>;

TEST(Truncation, KeepsSpecialTokensAndTheAskedSide) {
  const Tokenizer tokenizer = letters();
  EXPECT_EQ(tokenizer.encode("a b c d", {.max_length = 4}).ids, (Ids{8, 1, 2, 9}));
  const Encoding left = tokenizer.encode("a b c d", {.max_length = 4, .truncation_side = Side::kLeft});
  EXPECT_EQ(left.ids, (Ids{8, 3, 4, 9}));
  EXPECT_EQ(left.offsets, (std::vector<Offsets>{{0, 0}, {4, 5}, {6, 7}, {0, 0}}));
  EXPECT_EQ(tokenizer.encode("a b c d", {.add_special_tokens = false, .max_length = 3}).ids, (Ids{1, 2, 3}));
  EXPECT_EQ(tokenizer.encode("a b", {.max_length = 1}).ids, (Ids{8})) << "fewer than the special tokens";
}

TEST(Truncation, OfPairsFollowsItsStrategy) {
  const Tokenizer tokenizer = letters();
  const auto cut = [&](std::size_t length, TruncationStrategy strategy, const char* second = "d e") {
    const auto pair =
        tokenizer.encode_pair("a b c", second, {.max_length = length, .truncation_strategy = strategy});
    return pair ? pair->ids : Ids{};
  };
  using Strategy = TruncationStrategy;
  EXPECT_EQ(cut(8, Strategy::kLongestFirst), (Ids{8, 1, 2, 3, 9, 4, 5, 9}));
  EXPECT_EQ(cut(7, Strategy::kLongestFirst), (Ids{8, 1, 2, 9, 4, 5, 9}));
  EXPECT_EQ(cut(6, Strategy::kLongestFirst), (Ids{8, 1, 2, 9, 4, 9}))
      << "the odd one goes to the longer text";
  EXPECT_EQ(cut(6, Strategy::kOnlyFirst), (Ids{8, 1, 9, 4, 5, 9}));
  EXPECT_EQ(cut(7, Strategy::kOnlySecond), (Ids{8, 1, 2, 3, 9, 4, 9}));
  const auto too_short =
      tokenizer.encode_pair("a b c", "d", {.max_length = 6, .truncation_strategy = Strategy::kOnlySecond});
  ASSERT_FALSE(too_short);
  EXPECT_EQ(too_short.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(too_short.error().public_message.find("second text"), std::string::npos);
}

TEST(Padding, FillsToALengthOnTheAskedSide) {
  const Tokenizer tokenizer = letters();
  const Encoding right = tokenizer.encode("a", {.padding = PaddingOptions{.length = 5, .pad_id = 7}});
  EXPECT_EQ(right.ids, (Ids{8, 1, 9, 7, 7}));
  EXPECT_EQ(right.attention_mask, (std::vector<std::uint8_t>{1, 1, 1, 0, 0}));
  EXPECT_EQ(right.offsets.size(), 5U);
  const Encoding left =
      tokenizer.encode("a", {.padding = PaddingOptions{.length = 3, .multiple_of = 4, .side = Side::kLeft}});
  EXPECT_EQ(left.ids, (Ids{0, 8, 1, 9}));
  EXPECT_EQ(left.attention_mask, (std::vector<std::uint8_t>{0, 1, 1, 1}));
  EXPECT_TRUE(tokenizer.encode("a").attention_mask.empty());
}

TEST(Padding, WithoutALengthFillsToTheMultipleOnly) {
  const Tokenizer tokenizer = letters();
  const std::size_t size = tokenizer.encode("a").ids.size();
  EXPECT_EQ(tokenizer.encode("a", {.padding = PaddingOptions{.multiple_of = 8}}).ids.size(),
            (size + 7) / 8 * 8);
  EXPECT_EQ(tokenizer.encode("a", {.padding = PaddingOptions{}}).ids.size(), size);
}

TEST(Padding, OfABatchFillsToTheLongest) {
  const Tokenizer tokenizer = letters();
  std::array<Encoding, 2> batch = {tokenizer.encode("a b c"), tokenizer.encode("a")};
  pad_batch(batch, {.multiple_of = 2});
  EXPECT_EQ(batch[0].ids, (Ids{8, 1, 2, 3, 9, 0}));
  EXPECT_EQ(batch[1].ids, (Ids{8, 1, 9, 0, 0, 0}));
}

TEST(StoredOptions, AreReadButDoNotApplyByThemselves) {
  const Tokenizer tokenizer = letters(parse_json(R"({
    "truncation": {"direction": "Left", "max_length": 3, "strategy": "OnlyFirst", "stride": 0},
    "padding": {"strategy": {"Fixed": 6}, "direction": "Left", "pad_to_multiple_of": null, "pad_id": 7,
                "pad_type_id": 0, "pad_token": "<pad>"}})",
                                                 "test")
                                          .value());
  EXPECT_EQ(tokenizer.encode("a b").ids, (Ids{8, 1, 2, 9}));
  EXPECT_EQ(tokenizer.encode("a b", tokenizer.stored_options()).ids, (Ids{7, 7, 7, 8, 2, 9}));
  EXPECT_EQ(tokenizer.stored_options().truncation_strategy, TruncationStrategy::kOnlyFirst);
}

TEST(StoredOptions, MalformedOnesAreAnError) {
  for (const char* blocks :
       {R"({"truncation": 5})", R"({"truncation": {"max_length": -1}})",
        R"({"truncation": {"strategy": "Best"}})", R"({"truncation": {"direction": "Up"}})",
        R"({"padding": []})", R"({"padding": {"strategy": "Most"}})",
        R"({"padding": {"strategy": {"Fixed": "x"}}})", R"({"padding": {"pad_id": 3000000000}})"}) {
    Json file = {{"model", {{"type", "WordLevel"}, {"unk_token", "?"}, {"vocab", {{"?", 0}}}}}};
    file.update(parse_json(blocks, "test").value());
    const auto tokenizer = Tokenizer::parse(file.dump());
    ASSERT_FALSE(tokenizer) << blocks;
    EXPECT_EQ(tokenizer.error().code, ErrorCode::kCorrupt) << tokenizer.error().to_line();
  }
}

}  // namespace
}  // namespace epicrisis
