#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "base/json.hpp"
#include "support/fixtures.hpp"
#include "text/clean_up.hpp"
#include "text/tokenizer.hpp"

// The tokenizer against what the reference implementation gave for hundreds of awkward texts.
namespace epicrisis {
namespace {
namespace fs = std::filesystem;

constexpr const char* kCasesFile = "tokenizer-cases.json";

/// All of them: tokenizers do not wait for their family to be listed in docs/families.md.
std::vector<fs::path> tokenizer_folders() {
  std::vector<fs::path> folders;
  for (const char* root : {"pegasus", "bart", "t5", "gpt2", "bloom", "tokenizers"})
    for (const fs::path& folder : testing::find_fixtures(root, kCasesFile)) folders.push_back(folder);
  return folders;
}

std::vector<TokenId> ids_of(const Json& list) { return list.get<std::vector<TokenId>>(); }

std::vector<Offsets> offsets_of(const Json& list) {
  std::vector<Offsets> offsets;
  for (const Json& pair : list)
    offsets.push_back({pair[0].get<std::uint32_t>(), pair[1].get<std::uint32_t>()});
  return offsets;
}

/// "first difference at 3: 118, expected 105", or "" when equal.
std::string difference(const std::vector<TokenId>& actual, const std::vector<TokenId>& expected) {
  for (std::size_t i = 0; i < std::max(actual.size(), expected.size()); ++i) {
    const std::string a = i < actual.size() ? std::to_string(actual[i]) : "nothing";
    const std::string e = i < expected.size() ? std::to_string(expected[i]) : "nothing";
    if (a != e) return fmt::format("first difference at token {}: {}, expected {}", i, a, e);
  }
  return "";
}

std::string difference(const std::vector<Offsets>& actual, const std::vector<Offsets>& expected) {
  const auto name = [](const std::vector<Offsets>& list, std::size_t i) {
    return i < list.size() ? fmt::format("[{}, {}]", list[i].begin, list[i].end) : "nothing";
  };
  for (std::size_t i = 0; i < std::max(actual.size(), expected.size()); ++i) {
    if (name(actual, i) != name(expected, i))
      return fmt::format("first difference at token {}: {}, expected {}", i, name(actual, i),
                         name(expected, i));
  }
  return "";
}

class TokenizerParity : public ::testing::TestWithParam<fs::path> {
 protected:
  void SetUp() override {
    auto tokenizer = Tokenizer::load(GetParam());
    ASSERT_TRUE(tokenizer) << tokenizer.error().to_line();
    tokenizer_.emplace(std::move(*tokenizer));
    auto cases = read_json_file(GetParam() / kCasesFile);
    ASSERT_TRUE(cases) << cases.error().to_line();
    cases_ = std::move(*cases);
  }

  const Tokenizer& tokenizer() const { return *tokenizer_; }
  const Json& section(const char* name) const { return cases_.at(name); }

 private:
  std::optional<Tokenizer> tokenizer_;
  Json cases_;
};

TEST_P(TokenizerParity, Ids) {
  ASSERT_FALSE(section("cases").empty());
  for (std::size_t i = 0; i < section("cases").size(); ++i) {
    const Json& one = section("cases")[i];
    const Encoding encoding = tokenizer().encode(one["text"].get<std::string>());
    ASSERT_EQ(difference(encoding.ids, ids_of(one["fast"]["ids"])), "") << "cases[" << i << "] ids";
  }
}

TEST_P(TokenizerParity, Offsets) {
  for (std::size_t i = 0; i < section("cases").size(); ++i) {
    const Json& one = section("cases")[i];
    const Encoding encoding = tokenizer().encode(one["text"].get<std::string>());
    ASSERT_EQ(difference(encoding.offsets, offsets_of(one["fast"]["offsets"])), "")
        << "cases[" << i << "] offsets";
  }
}

TEST_P(TokenizerParity, SpecialTokensAreCounted) {
  for (std::size_t i = 0; i < section("cases").size(); ++i) {
    const Json& one = section("cases")[i];
    const auto text = one["text"].get<std::string>();
    const std::size_t plain = tokenizer().encode(text, {.add_special_tokens = false}).ids.size();
    ASSERT_EQ(tokenizer().encode(text).ids.size() - plain, one["fast"].value("n_special", std::size_t{0}))
        << "cases[" << i << "] n_special";
  }
}

TEST_P(TokenizerParity, DecodedText) {
  for (std::size_t i = 0; i < section("cases").size(); ++i) {
    const Json& fast = section("cases")[i]["fast"];
    const std::string decoded = tokenizer().decode(ids_of(fast["ids"]));
    ASSERT_EQ(decoded, fast["decoded"].get<std::string>()) << "cases[" << i << "] decoded";
    ASSERT_EQ(clean_up_tokenization_spaces(decoded), fast["decoded_clean"].get<std::string>())
        << "cases[" << i << "] decoded_clean";
  }
}

TEST_P(TokenizerParity, Pairs) {
  ASSERT_FALSE(section("pairs").empty());
  for (std::size_t i = 0; i < section("pairs").size(); ++i) {
    const Json& one = section("pairs")[i];
    const auto encoding = tokenizer().encode_pair(one["a"].get<std::string>(), one["b"].get<std::string>());
    ASSERT_TRUE(encoding) << encoding.error().to_line();
    ASSERT_EQ(difference(encoding->ids, ids_of(one["ids"])), "") << "pairs[" << i << "] ids";
  }
}

TEST_P(TokenizerParity, Truncation) {
  ASSERT_FALSE(section("truncate").empty());
  for (std::size_t i = 0; i < section("truncate").size(); ++i) {
    const Json& one = section("truncate")[i];
    const Encoding encoding = tokenizer().encode(one["text"].get<std::string>(),
                                                 {.max_length = one["max_length"].get<std::size_t>()});
    ASSERT_EQ(difference(encoding.ids, ids_of(one["ids"])), "") << "truncate[" << i << "] ids";
    ASSERT_EQ(difference(encoding.offsets, offsets_of(one["offsets"])), "")
        << "truncate[" << i << "] offsets";
  }
}

TEST_P(TokenizerParity, DecodingOfAnyIds) {
  ASSERT_FALSE(section("decode").empty());
  for (std::size_t i = 0; i < section("decode").size(); ++i) {
    const Json& one = section("decode")[i];
    ASSERT_EQ(tokenizer().decode(ids_of(one["ids"]), true), one["skip_special"].get<std::string>())
        << "decode[" << i << "] skip_special";
    ASSERT_EQ(tokenizer().decode(ids_of(one["ids"]), false), one["keep_special"].get<std::string>())
        << "decode[" << i << "] keep_special";
  }
}

/// "tokenization" of the expected.json that checkpoint folders hold.
TEST_P(TokenizerParity, CheckpointTexts) {
  if (!fs::exists(GetParam() / "expected.json")) GTEST_SKIP() << "a tokenizer without a checkpoint";
  auto expected = read_json_file(GetParam() / "expected.json");
  ASSERT_TRUE(expected) << expected.error().to_line();
  const Json& texts = expected->at("tokenization");
  ASSERT_FALSE(texts.empty());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto text = texts[i]["text"].get<std::string>();
    ASSERT_EQ(difference(tokenizer().encode(text).ids, ids_of(texts[i]["ids"])), "")
        << "tokenization[" << i << "] ids";
    ASSERT_EQ(difference(tokenizer().encode(text, {.max_length = 16}).ids, ids_of(texts[i]["truncated_16"])),
              "")
        << "tokenization[" << i << "] truncated_16";
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, TokenizerParity, ::testing::ValuesIn(tokenizer_folders()),
                         [](const auto& one) { return testing::fixture_name(one.param); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(TokenizerParity);

TEST(TokenizerFixtures, EveryKindHasCases) {
  for (const char* family : {"bart", "bloom", "gpt2", "pegasus", "t5"})
    EXPECT_FALSE(testing::find_fixtures(family, kCasesFile).empty())
        << family << ": not even the kept fixture";
}

}  // namespace
}  // namespace epicrisis
