#include "text/tokenizers/regex.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "base/hostile_input.hpp"
#include "text/tokenizers/gpt2_words.hpp"
#include "text/unicode/utf8.hpp"

namespace epicrisis {
namespace {

std::vector<std::string> matches_of(const char* pattern, const std::string& text) {
  const auto regex = Regex::compile(pattern, "test");
  if (!regex) return {regex.error().to_line()};
  std::vector<std::string> found;
  Regex::Matches matches(*regex, text);
  while (const auto match = matches.next())
    found.push_back(text.substr(match->begin, match->end - match->begin));
  return found;
}

using Texts = std::vector<std::string>;

TEST(Regex, ClassesMeanWhatOnigurumaMeans) {
  EXPECT_EQ(matches_of("\\w+", "a\u0301_1 \u00B2 \u2163 \u2460"), (Texts{"a\u0301_1", "\u00B2", "\u2163"}));
  EXPECT_EQ(matches_of("[\\w]+", "a\u0301_1 \u00B2 \u2163"), (Texts{"a\u0301_1", "\u2163"}));
  EXPECT_EQ(matches_of("\\s", "a\u0085\u180E b"), (Texts{"\u0085", " "}));
  EXPECT_EQ(matches_of("\\h+", "0xfFg"), (Texts{"0", "fF"}));
  EXPECT_EQ(matches_of("[a[b-c]]+", "xabcd"), (Texts{"abc"})) << "a class in a class is a union";
  EXPECT_EQ(matches_of("[]x]+", "]x["), (Texts{"]x"}));
  EXPECT_EQ(matches_of("\\u00e9|\\x{e8}", "\u00E9\u00E8"), (Texts{"\u00E9", "\u00E8"}));
  EXPECT_EQ(matches_of("a{,2}b", "aaab b"), (Texts{"aab", "b"}));
  EXPECT_EQ(matches_of("^.|.$", "ab\ncd"), (Texts{"a", "b", "c", "d"})) << "anchors are those of lines";
  EXPECT_EQ(matches_of("\\bé", "é aé"), (Texts{"é"}));
}

TEST(Regex, EmptyMatchesAdvance) {
  EXPECT_EQ(matches_of("x*", "axé"), (Texts{"", "x", ""})) << "not behind the match before";
  EXPECT_EQ(matches_of("", "é"), (Texts{"", ""}));
}

TEST(Regex, WhatHasNoEqualIsRefusedByName) {
  for (const char* pattern :
       {"[a&&b]", "[[:alpha:]]", "[a[^b]]", "[\\W]", "a{2}+", "a{2}?", "(?m:.)", "(?#x)", "(*FAIL)",
        "\\p{Alpha}", "\\K", "\\x{110", "\\xff", "\\", "[a", "a(?i)b|c"}) {
    const auto regex = Regex::compile(pattern, "pre_tokenizer");
    ASSERT_FALSE(regex) << pattern;
    EXPECT_EQ(regex.error().code, ErrorCode::kUnsupported) << pattern;
    EXPECT_NE(regex.error().public_message.find(pattern), std::string::npos) << regex.error().to_line();
  }
  for (const char* pattern : {"(a", "a)", "*", "\\p{Qq}"}) {
    const auto regex = Regex::compile(pattern, "pre_tokenizer");
    ASSERT_FALSE(regex) << pattern;
    EXPECT_EQ(regex.error().code, ErrorCode::kCorrupt) << pattern;
  }
  EXPECT_FALSE(Regex::compile(std::string(1000, '['), "deep"));
  EXPECT_FALSE(Regex::compile(std::string(100'000, 'a'), "long"));
}

TEST(Regex, AHostilePatternEndsInAnError) {
  const auto regex = Regex::compile("(?:a|aa)+$", "test");
  ASSERT_TRUE(regex);
  const std::string text = std::string(60, 'a') + "b";
  Regex::Matches matches(*regex, text);
  EXPECT_THROW(matches.next(), HostileInputError);
}

TEST(Gpt2Words, AreThoseOfTheRegularExpression) {
  const auto regex = Regex::compile(kGpt2Pattern, "test");
  ASSERT_TRUE(regex) << regex.error().to_line();
  const std::vector<std::string> parts = {"a",  "Z",      "\u00E9", "\u4E2D", "7",      "\u00B2", "'",
                                          "s",  "t",      "re",     "ll",     " ",      " ",      "  ",
                                          "\n", "\t",     "\u00A0", ".",      "--",     "_",      "'ve",
                                          "m",  "\u0301", "\u200D", "d",      "\u3000", "\r\n"};
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (std::size_t i = 0; i < 1 + random() % 12; ++i) text += parts[random() % parts.size()];
    Regex::Matches matches(*regex, text);
    std::size_t begin = 0;
    while (const auto match = matches.next()) {
      ASSERT_EQ(match->begin, begin) << "round " << round;
      ASSERT_EQ(gpt2_word_end(text, begin), match->end) << "round " << round << ": '" << text << "'";
      begin = match->end;
    }
    ASSERT_EQ(begin, text.size());
  }
}

}  // namespace
}  // namespace epicrisis
