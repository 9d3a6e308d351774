#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "text/tokenizer.hpp"

namespace epicrisis {
namespace {

/// A BPE tokenizer without pre-tokenizer: a text is one word.
Json model_file(const std::vector<std::pair<std::string, std::string>>& merges) {
  Json vocab = Json::object();
  for (char c = 'a'; c <= 'e'; ++c) vocab[std::string(1, c)] = vocab.size();
  Json list = Json::array();
  for (const auto& [left, right] : merges) {
    if (!vocab.contains(left + right)) vocab[left + right] = vocab.size();
    list.push_back({left, right});
  }
  return {{"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", list}}}};
}

Tokenizer parse(const Json& file) {
  auto tokenizer = Tokenizer::parse(file.dump());
  if (!tokenizer) throw std::runtime_error(tokenizer.error().to_line());
  return std::move(*tokenizer);
}

/// The definition: the listed pair that comes first, at its leftmost place, until none is left.
std::vector<std::string> merged(const std::string& word,
                                const std::map<std::pair<std::string, std::string>, int>& ranks) {
  std::vector<std::string> parts;
  for (const char c : word) parts.emplace_back(1, c);
  while (true) {
    int best_rank = -1;
    std::size_t best = 0;
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto found = ranks.find({parts[i], parts[i + 1]});
      if (found == ranks.end() || (best_rank >= 0 && found->second >= best_rank)) continue;
      best_rank = found->second;
      best = i;
    }
    if (best_rank < 0) return parts;
    parts[best] += parts[best + 1];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

TEST(Bpe, MergesShortAndLongWordsByTheSameRule) {
  // Both ways of merging, the scan and the heap, against the definition.
  std::mt19937 random(11);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::string> symbols = {"a", "b", "c", "d", "e"};
    std::vector<std::pair<std::string, std::string>> merges;
    std::map<std::pair<std::string, std::string>, int> ranks;
    for (int i = 0; i < 40; ++i) {
      const std::pair pair(symbols[random() % symbols.size()], symbols[random() % symbols.size()]);
      if (pair.first.size() + pair.second.size() > 12 || ranks.contains(pair)) continue;
      ranks[pair] = static_cast<int>(merges.size());
      merges.push_back(pair);
      symbols.push_back(pair.first + pair.second);
    }
    const Tokenizer tokenizer = parse(model_file(merges));
    for (const std::size_t length : {1, 2, 7, 47, 48, 49, 50, 200}) {
      std::string word;
      for (std::size_t i = 0; i < length; ++i) word.push_back(static_cast<char>('a' + random() % 5));
      std::vector<std::string> tokens;
      for (const TokenId id : tokenizer.encode(word).ids) tokens.push_back(tokenizer.id_to_token(id));
      ASSERT_EQ(tokens, merged(word, ranks)) << "round " << round << ", " << length << " characters";
    }
  }
}

TEST(Bpe, AnEntryThatMergesDoNotReachIsNoToken) {
  Json file = model_file({{"a", "b"}});
  file["model"]["vocab"]["abc"] = 6;
  EXPECT_EQ(parse(file).encode("abc").ids, (std::vector<TokenId>{5, 2}));
  file["model"]["ignore_merges"] = true;
  EXPECT_EQ(parse(file).encode("abc").ids, (std::vector<TokenId>{6}));
}

struct BadCase {
  const char* name;
  std::function<void(Json&)> alter;
  ErrorCode code;
  const char* text;  ///< Part of the error.
};
void PrintTo(const BadCase& one, std::ostream* out) { *out << one.name; }

class BadBpe : public ::testing::TestWithParam<BadCase> {};

TEST_P(BadBpe, IsRefusedNamingThePlace) {
  Json file = model_file({{"a", "b"}, {"ab", "c"}});
  GetParam().alter(file["model"]);
  const auto tokenizer = Tokenizer::parse(file.dump());
  ASSERT_FALSE(tokenizer);
  EXPECT_EQ(tokenizer.error().code, GetParam().code);
  EXPECT_NE(tokenizer.error().to_line().find(GetParam().text), std::string::npos)
      << tokenizer.error().to_line();
}

INSTANTIATE_TEST_SUITE_P(
    Files, BadBpe,
    ::testing::Values(
        BadCase{"dropout", [](Json& m) { m["dropout"] = 0.1; }, ErrorCode::kUnsupported, "dropout"},
        BadCase{"fallback_with_suffix",
                [](Json& m) {
                  m["byte_fallback"] = true;
                  m["end_of_word_suffix"] = "</w>";
                },
                ErrorCode::kUnsupported, "byte fallback"},
        BadCase{"unk", [](Json& m) { m["unk_token"] = "<unk>"; }, ErrorCode::kCorrupt, "unk_token"},
        BadCase{"no_vocab", [](Json& m) { m.erase("vocab"); }, ErrorCode::kCorrupt, "vocab"},
        BadCase{"vocab_list", [](Json& m) { m["vocab"] = Json::array({"a"}); }, ErrorCode::kCorrupt, "vocab"},
        BadCase{"negative_id", [](Json& m) { m["vocab"]["a"] = -1; }, ErrorCode::kCorrupt, "vocab"},
        BadCase{"huge_id", [](Json& m) { m["vocab"]["a"] = 4'000'000'000U; }, ErrorCode::kCorrupt, "vocab"},
        BadCase{"id_twice", [](Json& m) { m["vocab"]["a"] = 1; }, ErrorCode::kCorrupt, "id 1"},
        BadCase{"no_merges", [](Json& m) { m["merges"] = "a b"; }, ErrorCode::kCorrupt, "merges"},
        BadCase{"merge_of_three", [](Json& m) { m["merges"][1] = "a b c"; }, ErrorCode::kCorrupt,
                "merges[1]"},
        BadCase{"merge_of_unknown", [](Json& m) { m["merges"][1] = "a z"; }, ErrorCode::kCorrupt,
                "merges[1]"},
        BadCase{"merge_to_unknown", [](Json& m) { m["merges"][1] = "c c"; }, ErrorCode::kCorrupt,
                "merges[1]"},
        BadCase{"short_right_side", [](Json& m) { m["continuing_subword_prefix"] = "####"; },
                ErrorCode::kCorrupt, "merges[0]"}),
    [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace epicrisis
