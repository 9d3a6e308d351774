#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "support/subprocess.hpp"

namespace epicrisis {
namespace {

using ::testing::HasSubstr;

testing::ProcessOutcome run(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {EPICRISIS_PROGRAM, "bench"});
  return testing::run_process(arguments);
}

TEST(BenchCommand, PrintsAnObjectForEachNumberOfBeams) {
  const auto outcome = run({"--shape", "bundled", "--short", "--json", "--dtype", "int8", "--beams", "1,2"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
  std::istringstream lines(outcome.output);
  int beams = 0;
  for (std::string line; std::getline(lines, line);) {
    const Json object = parse_json(line, "line").value();
    EXPECT_EQ(object.at("beams"), ++beams);
    EXPECT_EQ(object.at("dtype"), "int8");
    for (const char* key :
         {"decode_tokens_per_second", "decode_bandwidth_share", "encode_gemm_share",
          "time_to_first_token_seconds", "requests_per_second", "peak_rss_bytes", "read_bytes_per_second",
          "peak_operations_per_second", "load_seconds", "mixed_load_share", "mixed_peak_rss_bytes"})
      EXPECT_GT(object.at(key).get<double>(), 0) << key;
    EXPECT_LT(object.at("encode_gemm_share").get<double>(), 1);
    EXPECT_GT(object.at("peak_rss_bytes").get<double>(), object.at("weight_bytes").get<double>());
  }
  EXPECT_EQ(beams, 2);
}

TEST(BenchCommand, PrintsATableOfTheBundledModel) {
  const auto outcome = run({"--short", "--threads", "1"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
  for (const char* part : {"epicrisis-mini", "GB/s", "Greedy", "tokens a second", "requests a second"})
    EXPECT_THAT(outcome.output, HasSubstr(part));
}

TEST(BenchCommand, RefusesWhatItDoesNotKnow) {
  const auto unknown = run({"--shape", "pegasus-small"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_EQ(unknown.output, "");
  EXPECT_THAT(unknown.errors, HasSubstr("pegasus-large"));
  EXPECT_EQ(run({"--shape", "gpt2", "--model", "x"}).exit_code, 2);
  EXPECT_EQ(run({"--beams", "0"}).exit_code, 2);
  EXPECT_EQ(run({"--model", "/no/such/model"}).exit_code, 2);
}

}  // namespace
}  // namespace epicrisis
