#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/files.hpp"
#include "base/json.hpp"
#include "support/fixtures.hpp"
#include "text/tokenizer.hpp"

// tokenizer.json is untrusted input: whatever is in it, loading ends in a tokenizer or in an error that names
// the place.
namespace epicrisis {
namespace {

std::string kept_text() {
  return read_file(testing::kept_fixtures_dir() / "pegasus" / "xsum-like" / "tokenizer.json").value();
}

const Json& kept_json() {
  static const Json file = parse_json(kept_text(), "tokenizer.json").value();
  return file;
}

struct BadCase {
  const char* name;
  std::function<void(Json&)> alter;
  ErrorCode code;
  const char* place;    ///< Part of Error::detail.
  const char* message;  ///< Part of Error::public_message.
};
void PrintTo(const BadCase& one, std::ostream* out) { *out << one.name; }

class BadTokenizerJson : public ::testing::TestWithParam<BadCase> {};

TEST_P(BadTokenizerJson, IsRefusedNamingThePlace) {
  Json file = kept_json();
  GetParam().alter(file);
  const auto tokenizer = Tokenizer::parse(file.dump());
  ASSERT_FALSE(tokenizer);
  EXPECT_EQ(tokenizer.error().code, GetParam().code);
  EXPECT_NE(tokenizer.error().detail.find(GetParam().place), std::string::npos)
      << tokenizer.error().to_line();
  EXPECT_NE(tokenizer.error().public_message.find(GetParam().message), std::string::npos)
      << tokenizer.error().to_line();
}

constexpr ErrorCode kCorrupt = ErrorCode::kCorrupt;
constexpr ErrorCode kUnsupported = ErrorCode::kUnsupported;
constexpr const char* kDamaged = "is damaged";

INSTANTIATE_TEST_SUITE_P(
    Files, BadTokenizerJson,
    ::testing::Values(
        BadCase{"no_model", [](Json& f) { f.erase("model"); }, kCorrupt, "'model'", kDamaged},
        BadCase{"list", [](Json& f) { f = Json::array(); }, kCorrupt, "expected an object", kDamaged},
        BadCase{"other_model", [](Json& f) { f["model"]["type"] = "Morphs"; }, kUnsupported, "model",
                "the model 'Morphs'"},
        BadCase{"vocab_of_bpe", [](Json& f) { f["model"]["type"] = "BPE"; }, kCorrupt, "model: 'vocab'", kDamaged},
        BadCase{"unk_of_word_level",
                [](Json& f) {
                  f["model"] = {{"type", "WordLevel"}, {"unk_token", "x"}, {"vocab", {{"a", 0}}}};
                },
                kCorrupt, "unk_token", kDamaged},
        BadCase{"limit_of_word_piece",
                [](Json& f) {
                  f["model"] = {{"type", "WordPiece"},
                                {"unk_token", "a"},
                                {"continuing_subword_prefix", "##"},
                                {"vocab", {{"a", 0}}}};
                },
                kCorrupt, "max_input_chars_per_word", kDamaged},
        BadCase{"no_unk", [](Json& f) { f["model"]["unk_id"] = nullptr; }, kUnsupported, "model",
                "unknown token"},
        BadCase{"unk_outside", [](Json& f) { f["model"]["unk_id"] = 1503; }, kCorrupt, "below 1503",
                kDamaged},
        BadCase{"unk_negative", [](Json& f) { f["model"]["unk_id"] = -1; }, kCorrupt, "unk_id", kDamaged},
        BadCase{"empty_vocab", [](Json& f) { f["model"]["vocab"] = Json::array(); }, kCorrupt, "vocab",
                kDamaged},
        BadCase{"vocab_entry", [](Json& f) { f["model"]["vocab"][7] = "x"; }, kCorrupt, "vocab[7]", kDamaged},
        BadCase{"vocab_score", [](Json& f) { f["model"]["vocab"][9][1] = "high"; }, kCorrupt, "vocab[9]",
                kDamaged},
        BadCase{"other_normalizer",
                [](Json& f) {
                  f["normalizer"]["normalizers"][1] = {{"type", "Transliterate"}};
                },
                kUnsupported, "normalizer.normalizers[1]", "the normalizer 'Transliterate'"},
        BadCase{"regex",
                [](Json& f) {
                  f["normalizer"]["normalizers"][1]["pattern"] = {{"Regex", "[a&&b]"}};
                },
                kUnsupported, "normalizer.normalizers[1]", "'&&' in the regular expression '[a&&b]'"},
        BadCase{"regex_malformed",
                [](Json& f) {
                  f["normalizer"]["normalizers"][1]["pattern"] = {{"Regex", "(a"}};
                },
                kCorrupt, "the regular expression '(a' is malformed", kDamaged},
        BadCase{"charsmap_base64",
                [](Json& f) { f["normalizer"]["normalizers"][0]["precompiled_charsmap"] = "A-=="; }, kCorrupt,
                "normalizers[0]: precompiled_charsmap is not base64", kDamaged},
        BadCase{"charsmap_size",
                [](Json& f) { f["normalizer"]["normalizers"][0]["precompiled_charsmap"] = "//8AAAAA"; },
                kCorrupt, "claims a trie of", kDamaged},
        BadCase{"charsmap_missing",
                [](Json& f) { f["normalizer"]["normalizers"][0].erase("precompiled_charsmap"); }, kCorrupt,
                "precompiled_charsmap", kDamaged},
        BadCase{"no_type", [](Json& f) { f["pre_tokenizer"]["pretokenizers"][0].erase("type"); }, kCorrupt,
                "pre_tokenizer.pretokenizers[0]", kDamaged},
        BadCase{"other_pre_tokenizer",
                [](Json& f) {
                  f["pre_tokenizer"] = {{"type", "UnicodeScripts"}};
                },
                kUnsupported, "pre_tokenizer", "the pre-tokenizer 'UnicodeScripts'"},
        BadCase{"split_behavior",
                [](Json& f) {
                  f["pre_tokenizer"] = {{"type", "Split"}, {"pattern", {{"String", "a"}}}, {"behavior", "Lost"}};
                },
                kCorrupt, "behavior", kDamaged},
        BadCase{"delimiter",
                [](Json& f) {
                  f["pre_tokenizer"] = {{"type", "CharDelimiterSplit"}, {"delimiter", "ab"}};
                },
                kCorrupt, "delimiter", kDamaged},
        BadCase{"metaspace_scheme",
                [](Json& f) { f["pre_tokenizer"]["pretokenizers"][1]["prepend_scheme"] = "often"; }, kCorrupt,
                "prepend_scheme", kDamaged},
        BadCase{"metaspace_replacement",
                [](Json& f) { f["pre_tokenizer"]["pretokenizers"][1]["replacement"] = "__"; }, kCorrupt,
                "one character", kDamaged},
        BadCase{"template_part", [](Json& f) { f["post_processor"]["single"][0] = 5; }, kCorrupt,
                "post_processor.single[0]", kDamaged},
        BadCase{"template_token", [](Json& f) { f["post_processor"]["special_tokens"] = Json::object(); },
                kCorrupt, "post_processor.single[1]", kDamaged},
        BadCase{"template_text_of_pair",
                [](Json& f) { f["post_processor"]["single"][0]["Sequence"]["id"] = "B"; }, kCorrupt,
                "post_processor.single[0]", kDamaged},
        BadCase{"text_twice",
                [](Json& f) {
                  Json& single = f["post_processor"]["single"];
                  single.push_back(single[0]);
                },
                kUnsupported, "post_processor.single", "a template that repeats a text"},
        BadCase{"other_post_processor", [](Json& f) { f["post_processor"]["type"] = "Sort"; }, kUnsupported,
                "post_processor", "the post-processor 'Sort'"},
        BadCase{"roberta_sep",
                [](Json& f) {
                  f["post_processor"] = {{"type", "RobertaProcessing"}, {"sep", {"</s>", -2}}, {"cls", {"<s>", 0}}};
                },
                kCorrupt, "'sep'", kDamaged},
        BadCase{"two_templates",
                [](Json& f) {
                  f["post_processor"] = {{"type", "Sequence"},
                                         {"processors", {f["post_processor"], f["post_processor"]}}};
                },
                kUnsupported, "post_processor.processors[1]", "a TemplateProcessing after another"},
        BadCase{"other_decoder", [](Json& f) { f["decoder"]["type"] = "Morse"; }, kUnsupported, "decoder",
                "the decoder 'Morse'"},
        BadCase{"empty_suffix",
                [](Json& f) {
                  f["decoder"] = {{"type", "BPEDecoder"}, {"suffix", ""}};
                },
                kCorrupt, "suffix", kDamaged},
        BadCase{"added_id", [](Json& f) { f["added_tokens"][3]["id"] = -3; }, kCorrupt, "added_tokens[3]",
                kDamaged},
        BadCase{"added_id_differs", [](Json& f) { f["added_tokens"][3]["id"] = 9; }, kCorrupt,
                "added_tokens[3]: has id 9 but 3", kDamaged},
        BadCase{"added_twice", [](Json& f) { f["added_tokens"][4] = f["added_tokens"][3]; }, kCorrupt,
                "added_tokens[4]: is listed twice", kDamaged}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(TokenizerJson, CutShortAnywhereIsAnError) {
  const std::string text = kept_text();
  for (std::size_t size = 0; size < text.size(); size += 9973)
    EXPECT_FALSE(Tokenizer::parse(text.substr(0, size))) << size << " bytes";
}

TEST(TokenizerJson, AlteredCharacterMapsNeverReadOutside) {
  // Every unit of the trie is replaced by what points far outside, one place at a time.
  const Json& normalizer = kept_json()["normalizer"]["normalizers"][0];
  const auto base64 = normalizer["precompiled_charsmap"].get<std::string>();
  for (std::size_t at = 8; at + 8 < base64.size(); at += base64.size() / 23) {
    Json file = kept_json();
    std::string altered = base64;
    altered.replace(at / 4 * 4, 8, "////////");
    file["normalizer"]["normalizers"][0]["precompiled_charsmap"] = altered;
    const auto tokenizer = Tokenizer::parse(file.dump());
    if (tokenizer) tokenizer->encode("Temp 38 \u00B0C, \u00BD tab, e\u0301 \uFF21\uFF22 \u4E2D\r\n\t\u200B.");
  }
}

TEST(TokenizerJson, MissingFilesAreNotFound) {
  const auto tokenizer = Tokenizer::load("/nonexistent/model");
  ASSERT_FALSE(tokenizer);
  EXPECT_EQ(tokenizer.error().code, ErrorCode::kNotFound);
}

/// A tokenizer of a few entries, with `change` applied to its file.
Tokenizer small_tokenizer(const std::function<void(Json&)>& change) {
  Json file = parse_json(R"({
    "added_tokens": [], "normalizer": null,
    "pre_tokenizer": {"type": "Metaspace", "replacement": "_", "prepend_scheme": "always"},
    "post_processor": null, "decoder": {"type": "Metaspace", "replacement": "_", "prepend_scheme": "always"},
    "model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], ["_", -3.0], ["_a", -2.0], ["a", -2.5],
              ["b", -2.5], ["ab", -4.0], ["_ab", -6.0], ["xy", -50.0]]}})",
                         "test")
                  .value();
  change(file);
  auto tokenizer = Tokenizer::parse(file.dump());
  if (!tokenizer) throw std::runtime_error(tokenizer.error().to_line());
  return std::move(*tokenizer);
}

Json added(int id, const char* content) {
  return {{"id", id}, {"content", content}, {"special", false}, {"normalized", false}};
}

TEST(Unigram, TakesTheBestPathAndFusesUnknownNeighbours) {
  const Tokenizer tokenizer = small_tokenizer([](Json&) {});
  EXPECT_EQ(tokenizer.encode("ab").ids, (std::vector<TokenId>{2, 4}));  // -4.5 beats -6 and -7
  EXPECT_EQ(tokenizer.encode("a?!b").ids, (std::vector<TokenId>{2, 0, 4}));
  EXPECT_EQ(tokenizer.encode("a?!b").offsets, (std::vector<Offsets>{{0, 1}, {1, 3}, {3, 4}}));
  EXPECT_EQ(tokenizer.encode("xy").ids, (std::vector<TokenId>{1, 7}));  // better than unknown at -60 each
  EXPECT_TRUE(tokenizer.encode("").ids.empty());
}

TEST(Metaspace, PrependsAsItsSchemeSays) {
  const auto ids = [](const char* scheme, const char* text) {
    return small_tokenizer([&](Json& file) { file["pre_tokenizer"]["prepend_scheme"] = scheme; })
        .encode(text)
        .ids;
  };
  EXPECT_EQ(ids("always", "a a"), (std::vector<TokenId>{2, 2}));
  EXPECT_EQ(ids("never", "a a"), (std::vector<TokenId>{3, 2}));
  EXPECT_EQ(ids("first", "a a"), (std::vector<TokenId>{2, 2}));
  EXPECT_EQ(ids("always", " a"), (std::vector<TokenId>{2}));
  const Tokenizer after_token = small_tokenizer([](Json& file) {
    file["added_tokens"].push_back(added(8, "|"));
    file["pre_tokenizer"]["prepend_scheme"] = "first";
  });
  EXPECT_EQ(after_token.encode("a|a").ids, (std::vector<TokenId>{2, 8, 3}));
}

TEST(AddedTokens, AreTheLongestAndTakeSpaceAsTheirFlagsSay) {
  const auto make = [](const char* flag) {
    return small_tokenizer([&](Json& file) {
      Json token = added(8, "<t>");
      if (*flag != '\0') token[flag] = true;
      file["added_tokens"] = {token, added(9, "<t>>")};
    });
  };
  EXPECT_EQ(make("").encode("a<t>>a").ids, (std::vector<TokenId>{2, 9, 2}));
  EXPECT_EQ(make("").encode("a  <t> a").offsets,
            (std::vector<Offsets>{{0, 1}, {1, 2}, {2, 3}, {3, 6}, {6, 8}}));
  EXPECT_EQ(make("lstrip").encode("a  <t> a").offsets, (std::vector<Offsets>{{0, 1}, {1, 6}, {6, 8}}));
  EXPECT_EQ(make("rstrip").encode("a<t>  a").offsets, (std::vector<Offsets>{{0, 1}, {1, 6}, {6, 7}}));
}

TEST(AddedTokens, SingleWordsStandAlone) {
  const Tokenizer tokenizer = small_tokenizer([](Json& file) {
    Json token = added(8, "ab");
    token["id"] = 5;
    token["single_word"] = true;
    file["added_tokens"] = Json::array({token});
  });
  EXPECT_EQ(tokenizer.encode("ab").ids, (std::vector<TokenId>{5}));
  EXPECT_EQ(tokenizer.encode("aba").ids, (std::vector<TokenId>{2, 4, 3}));
  EXPECT_EQ(tokenizer.encode("a ab").ids, (std::vector<TokenId>{2, 1, 5}));
}

TEST(AddedTokens, NormalizedOnesAreFoundInNormalizedText) {
  const Tokenizer tokenizer = small_tokenizer([](Json& file) {
    file["normalizer"] = {{"type", "Replace"}, {"pattern", {{"String", "z"}}}, {"content", "ab"}};
    Json token = added(8, "[z]");
    token["normalized"] = true;
    file["added_tokens"] = Json::array({token});
  });
  const Encoding encoding = tokenizer.encode("a[ab][z]");
  EXPECT_EQ(encoding.ids, (std::vector<TokenId>{2, 8, 8}));
  EXPECT_EQ(encoding.offsets, (std::vector<Offsets>{{0, 1}, {1, 5}, {5, 8}}));
}

TEST(Tokenizer, TakesInvalidUtf8AndCountsCodePoints) {
  const Tokenizer tokenizer = small_tokenizer([](Json&) {});
  const Encoding encoding = tokenizer.encode("a\xB0 a");
  EXPECT_EQ(encoding.ids, (std::vector<TokenId>{2, 0, 2}));
  EXPECT_EQ(encoding.offsets, (std::vector<Offsets>{{0, 1}, {1, 2}, {2, 4}}));
}

TEST(Tokenizer, DecodesWhatItEncoded) {
  const Tokenizer tokenizer = small_tokenizer([](Json&) {});
  for (const char* text : {"a", "ab a b", "xy ab", "a  b"})
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text).ids), text);
  EXPECT_EQ(tokenizer.decode({2, 99, -1, 4}), "ab") << "unknown ids are passed over";
}

}  // namespace
}  // namespace epicrisis
