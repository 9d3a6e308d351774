#include "api/worker/parameters.hpp"

#include <gtest/gtest.h>

#include <string>

namespace epicrisis::api {
namespace {

TEST(Parameters, LieOverTheModelsDefaults) {
  GenerationConfig defaults;
  defaults.num_beams = 4;
  defaults.min_length = 3;
  const auto config = apply_parameters(defaults, Json{{"num_beams", 2}, {"truncation", true}});
  ASSERT_TRUE(config.has_value()) << config.error().to_line();
  EXPECT_EQ(config->num_beams, 2);
  EXPECT_EQ(config->min_length, 3);
}

TEST(Parameters, BadOnesAreNamedByTheNameWeKnow) {
  const auto line = [](const Json& parameters) {
    const auto config = apply_parameters({}, parameters);
    return config ? std::string("accepted") : config.error().to_line();
  };
  EXPECT_NE(line({{"num_beams", "Canary"}}).find("'num_beams'"), std::string::npos);
  EXPECT_NE(line({{"num_beams", 0}}).find("'num_beams'"), std::string::npos);
  EXPECT_NE(line({{"max_lenght", 5}}).find("did you mean 'max_length'?"), std::string::npos);
  EXPECT_NE(line({{"num_return_sequences", 2}, {"num_beams", 2}}).find("'num_return_sequences'"),
            std::string::npos);
  EXPECT_NE(line({{"Canary fell at home", 5}}).find("unknown name (member 1"), std::string::npos);
  for (const Json& parameters :
       {Json{{"num_beams", "Canary"}}, Json{{"Canary fell at home", 5}}, Json{{"Canary", 1}},
        Json{{"early_stopping", "Canary"}}, Json{{"bad_words_ids", {"Canary"}}}}) {
    EXPECT_EQ(line(parameters).find("Canary"), std::string::npos) << line(parameters);
    EXPECT_NE(line(parameters), "accepted");
  }
}

}  // namespace
}  // namespace epicrisis::api
