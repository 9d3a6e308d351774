#include "api/worker/payload.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace epicrisis::api {
namespace {

std::vector<std::string> texts(const Result<Invocation>& invocation) {
  std::vector<std::string> inputs;
  if (!invocation) return {"error: " + invocation.error().to_line()};
  for (const ClinicalText& input : invocation->inputs) inputs.push_back(input.reveal());
  return inputs;
}

using Texts = std::vector<std::string>;

TEST(JsonPayload, ReadsOneInputOrSeveral) {
  EXPECT_EQ(texts(decode_invocation(MediaType::kJson, R"({"inputs": "a"})")), Texts{"a"});
  EXPECT_EQ(texts(decode_invocation(MediaType::kJson, R"({"inputs": ["a", "", "ü\u0041"], "options": 1})")),
            (Texts{"a", "", "üA"}));
  EXPECT_EQ(texts(decode_invocation(MediaType::kJson, R"({"inputs": []})")), Texts{});
  const auto with = decode_invocation(MediaType::kJson, R"({"parameters": {"num_beams": 2}, "inputs": "a"})");
  EXPECT_EQ(with->parameters["num_beams"], 2);
  EXPECT_TRUE(decode_invocation(MediaType::kJson, R"({"inputs": "a", "parameters": null})").has_value());
}

TEST(JsonPayload, TakesWhatJumpStartModelsTake) {
  const auto asked = decode_invocation(MediaType::kJson, R"({"text_inputs": "a", "num_beams": 2})");
  EXPECT_EQ(texts(asked), Texts{"a"});
  EXPECT_EQ(asked->parameters, Json({{"num_beams", 2}}));
  const std::vector<Texts> results = {{"x", "y"}};
  EXPECT_EQ(encode_results(MediaType::kJson, "t", results, false, asked->form),
            R"({"generated_texts":["x","y"]})");
  const auto plain = decode_invocation(MediaType::kText, "{\"inputs");
  EXPECT_EQ(texts(plain), Texts{"{\"inputs"});
  EXPECT_EQ(encode_results(MediaType::kJson, "t", results, false, plain->form), R"({"generated_text":"x"})");
  EXPECT_FALSE(decode_invocation(MediaType::kJson, R"({"text_inputs": 7})").has_value());
}

struct Bad {
  const char* name;
  MediaType type;
  std::string body;
  const char* said;
};
class BadPayload : public ::testing::TestWithParam<Bad> {};

TEST_P(BadPayload, SaysWhatWithoutQuotingIt) {
  const Result<Invocation> invocation = decode_invocation(GetParam().type, GetParam().body);
  ASSERT_FALSE(invocation.has_value());
  const std::string line = invocation.error().to_line();
  EXPECT_NE(line.find(GetParam().said), std::string::npos) << line;
  EXPECT_EQ(line.find("Canary"), std::string::npos) << line;
}

INSTANTIATE_TEST_SUITE_P(
    Bodies, BadPayload,
    ::testing::Values(
        Bad{"empty", MediaType::kJson, "", "not valid JSON"},
        Bad{"text", MediaType::kJson, "Canary fell", "at byte 1"},
        Bad{"cut", MediaType::kJson, R"({"inputs": "Canary fell)", "at byte 24"},
        Bad{"trailing", MediaType::kJson, R"({"inputs": "a"} Canary)", "at byte 17"},
        Bad{"not_utf8", MediaType::kJson, "{\"inputs\": \"Canary \xE9\"}", "not valid JSON"},
        Bad{"lone_surrogate", MediaType::kJson, R"({"inputs": "Canary \ud800"})", "not valid JSON"},
        Bad{"list", MediaType::kJson, R"(["Canary"])", "must be a JSON object"},
        Bad{"no_inputs", MediaType::kJson, R"({"input": "Canary"})", "'inputs' is missing"},
        Bad{"null_inputs", MediaType::kJson, R"({"inputs": null})", "'inputs' must be a string or a list"},
        Bad{"object_inputs", MediaType::kJson, R"({"inputs": {"Canary": 1}})", "'inputs' must be a string"},
        Bad{"mixed", MediaType::kJson, R"({"inputs": ["a", "b", 7]})", "'inputs[2]' must be a string"},
        Bad{"parameters", MediaType::kJson, R"({"inputs": "a", "parameters": ["Canary"]})",
            "'parameters' must be"},
        Bad{"deep", MediaType::kJson, std::string(1000, '[') + std::string(1000, ']'), "nested deeper"},
        Bad{"csv_empty", MediaType::kCsv, "", "no column 'inputs'"},
        Bad{"csv_column", MediaType::kCsv, "Canary\nCanary\n", "no column 'inputs'"},
        Bad{"csv_quote", MediaType::kCsv, "inputs\nfine\nCan\"ary\n", "quote in row 2"},
        Bad{"csv_unclosed", MediaType::kCsv, "inputs\n\"Canary\n", "quote in row 1"},
        Bad{"csv_ragged", MediaType::kCsv, "inputs,id\na,1\nCanary\n", "Row 2 of the CSV"},
        Bad{"csv_not_utf8", MediaType::kCsv, "inputs\nCanary \xFF\n", "UTF-8 at byte 14"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(CsvPayload, ReadsTheColumnInputs) {
  EXPECT_EQ(texts(decode_invocation(
                MediaType::kCsv, "\xEF\xBB\xBFid,inputs\r\n1,\"two\r\nlines, \"\"q\"\"\"\r\n\r\n2, b \r\n")),
            (Texts{"two\r\nlines, \"q\"", " b "}));
  EXPECT_EQ(texts(decode_invocation(MediaType::kCsv, "inputs")), Texts{});
  EXPECT_EQ(texts(decode_invocation(MediaType::kCsv, "inputs\na")), Texts{"a"});
}

/// One text for each input.
std::vector<Texts> one_each(const Texts& all) {
  std::vector<Texts> results;
  for (const std::string& text : all) results.push_back({text});
  return results;
}

TEST(Results, AreCompactUtf8Json) {
  const std::vector<Texts> results = one_each({"Brust­schmerz ♥ \"x\"\n", ""});
  for (const bool is_list : {false, true}) {
    EXPECT_EQ(encode_results(MediaType::kJson, "summary_text", results, is_list),
              "[{\"summary_text\":\"Brust­schmerz ♥ \\\"x\\\"\\n\"},{\"summary_text\":\"\"}]");
  }
  EXPECT_EQ(encode_results(MediaType::kJson, "generated_text", {}, true), "[]");
  EXPECT_EQ(encode_error("no"), "{\"error\":\"no\"}");
}

TEST(Results, SeveralOfAnInputOfAListStandTogether) {
  const std::vector<Texts> results = {{"a", "b"}};
  EXPECT_EQ(encode_results(MediaType::kJson, "t", results, false), R"([{"t":"a"},{"t":"b"}])");
  EXPECT_EQ(encode_results(MediaType::kJson, "t", results, true), R"([[{"t":"a"},{"t":"b"}]])");
  EXPECT_EQ(encode_results(MediaType::kCsv, "t", results, true), "t\r\na\r\nb\r\n");
}

TEST(Results, AreCsvWithHeaderAndCrlf) {
  const Texts results = {"plain", "a, b", "say \"x\"", "two\nlines", ""};
  const std::string csv = encode_results(MediaType::kCsv, "summary_text", one_each(results), true);
  EXPECT_EQ(csv, "summary_text\r\nplain\r\n\"a, b\"\r\n\"say \"\"x\"\"\"\r\n\"two\nlines\"\r\n\"\"\r\n");
  EXPECT_EQ(texts(decode_invocation(MediaType::kCsv, "inputs" + csv.substr(csv.find('\r')))), results);
}

}  // namespace
}  // namespace epicrisis::api
