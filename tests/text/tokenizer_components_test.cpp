#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "support/fixtures.hpp"
#include "text/tokenizer.hpp"

// Every component of tokenizer.json and its options, one small tokenizer each, against what the reference
// implementation gave (tests/data/tokenizers/generate-components.js).
namespace epicrisis {
namespace {

const Json& golden() {
  static const Json file =
      read_json_file(testing::source_dir() / "tests" / "data" / "tokenizers" / "components.json").value();
  return file;
}

class TokenizerComponents : public ::testing::TestWithParam<std::size_t> {};

TEST_P(TokenizerComponents, GiveTheReferencesTokens) {
  const Json& one = golden().at("cases").at(GetParam());
  Json file = one.at("tokenizer");
  if (file["model"]["vocab"] == "bytes") file["model"]["vocab"] = golden().at("bytes");
  const auto tokenizer = Tokenizer::parse(file.dump());
  ASSERT_TRUE(tokenizer) << one["name"] << ": " << tokenizer.error().to_line();
  const Json& texts = golden().at("texts");
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const Json& expected = one["results"].at(i);
    const Encoding encoding = tokenizer->encode(texts[i].get<std::string>());
    std::vector<std::uint32_t> offsets;
    for (const Offsets& range : encoding.offsets) offsets.insert(offsets.end(), {range.begin, range.end});
    EXPECT_EQ(encoding.ids, expected[0].get<std::vector<TokenId>>()) << one["name"] << ": texts[" << i << "]";
    EXPECT_EQ(offsets, expected[1].get<std::vector<std::uint32_t>>())
        << one["name"] << ": texts[" << i << "]";
    if (expected.size() > 2 && !expected[2].is_null()) {
      EXPECT_EQ(tokenizer->decode(encoding.ids), expected[2].get<std::string>())
          << one["name"] << ": texts[" << i << "]";
    }
  }
}

TEST_P(TokenizerComponents, JoinPairsAsTheReferenceDoes) {
  const Json& one = golden().at("cases").at(GetParam());
  Json file = one.at("tokenizer");
  if (file["model"]["vocab"] == "bytes") file["model"]["vocab"] = golden().at("bytes");
  const auto tokenizer = Tokenizer::parse(file.dump());
  ASSERT_TRUE(tokenizer) << one["name"] << ": " << tokenizer.error().to_line();
  const Json& texts = golden().at("texts");
  const auto pair = tokenizer->encode_pair(texts[4].get<std::string>(), texts[20].get<std::string>());
  ASSERT_TRUE(pair) << pair.error().to_line();
  EXPECT_EQ(pair->ids, one["pair"].get<std::vector<TokenId>>()) << one["name"];
}

std::string name_of(const ::testing::TestParamInfo<std::size_t>& info) {
  auto name = golden().at("cases").at(info.param).at("name").get<std::string>();
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Reference, TokenizerComponents,
                         ::testing::Range(std::size_t{0}, golden().at("cases").size()), name_of);

}  // namespace
}  // namespace epicrisis
