#include "base/json.hpp"

#include <gtest/gtest.h>

#include <string>

namespace epicrisis {
namespace {

TEST(Json, ErrorsNameThePlaceAndNeverTheText) {
  const auto parsed = parse_json(R"({"inputs": "Mrs Canary fell", oops})", "request body");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(parsed.error().public_message, "request body is not valid JSON.");
  EXPECT_EQ(parsed.error().to_line().find("Canary"), std::string::npos);
  EXPECT_EQ(parsed.error().detail, "at byte 31");
}

TEST(Json, RefusesDeepNesting) {
  EXPECT_TRUE(parse_json(std::string(50, '[') + std::string(50, ']'), "x"));
  const auto deep = parse_json(std::string(100'000, '['), "x");
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().code, ErrorCode::kCorrupt);
}

TEST(Json, RefusesInvalidUtf8) { EXPECT_FALSE(parse_json("\"\xff\"", "x")); }

TEST(Json, ValuesAreTyped) {
  const Json object = {{"n", 7},    {"x", 0.5},        {"s", "text"},
                       {"b", true}, {"none", nullptr}, {"huge", 1ULL << 40}};
  EXPECT_EQ(json_value(object, "n", 0, "config.json").value(), 7);
  EXPECT_EQ(json_value(object, "absent", 3, "config.json").value(), 3);
  EXPECT_EQ(json_value(object, "none", 3, "config.json").value(), 3);
  EXPECT_EQ(json_value(object, "x", 0.0, "config.json").value(), 0.5);
  EXPECT_EQ(json_value(object, "n", 0.0, "config.json").value(), 7.0);
  EXPECT_EQ(json_value(object, "b", false, "config.json").value(), true);
  EXPECT_EQ(json_value(object, "s", std::string(), "config.json").value(), "text");
  EXPECT_FALSE(json_value(object, "huge", 0, "config.json")) << "does not fit an int";
  EXPECT_EQ(json_value(object, "s", 0, "config.json").error().public_message,
            "config.json: 's' must be a whole number.");
}

}  // namespace
}  // namespace epicrisis
