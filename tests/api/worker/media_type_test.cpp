#include "api/worker/media_type.hpp"

#include <gtest/gtest.h>

namespace epicrisis::api {
namespace {

TEST(ContentType, KnowsJsonAndCsv) {
  EXPECT_EQ(*content_type_of(std::nullopt), MediaType::kJson);
  EXPECT_EQ(*content_type_of(""), MediaType::kJson);
  EXPECT_EQ(*content_type_of("*/*"), MediaType::kJson);
  EXPECT_EQ(*content_type_of("application/json"), MediaType::kJson);
  EXPECT_EQ(*content_type_of("Application/JSON ; charset=utf-8"), MediaType::kJson);
  EXPECT_EQ(*content_type_of("text/csv;header=present"), MediaType::kCsv);
  for (const char* other : {"text/plain", "application/jsonx", "application/x-npy", "json", "text/*"}) {
    EXPECT_FALSE(content_type_of(other).has_value()) << other;
  }
}

TEST(Accept, ChoosesTheHighestWeight) {
  EXPECT_EQ(*answer_type_for(std::nullopt), MediaType::kJson);
  EXPECT_EQ(*answer_type_for("  "), MediaType::kJson);
  EXPECT_EQ(*answer_type_for("*/*"), MediaType::kJson);
  EXPECT_EQ(*answer_type_for("text/csv"), MediaType::kCsv);
  EXPECT_EQ(*answer_type_for("Text/*"), MediaType::kCsv);
  EXPECT_EQ(*answer_type_for("text/csv, application/json"), MediaType::kJson);
  EXPECT_EQ(*answer_type_for("application/json;q=0.5, text/csv;q=0.8"), MediaType::kCsv);
  EXPECT_EQ(*answer_type_for("application/xml, text/csv;q=0.1"), MediaType::kCsv);
  for (const char* other : {"text/plain", "application/xml, image/*", "application/json;q=0"}) {
    EXPECT_FALSE(answer_type_for(other).has_value()) << other;
  }
}

}  // namespace
}  // namespace epicrisis::api
