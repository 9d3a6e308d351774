#include "checkpoint/weight_files.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "base/json.hpp"
#include "checkpoint/checkpoint.hpp"
#include "checkpoint/safetensors.hpp"
#include "checkpoint/shard_index.hpp"
#include "support/fixtures.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

void expect_same_tensors(const Weights& actual, const Weights& expected) {
  ASSERT_EQ(actual.tensors().size(), expected.tensors().size());
  for (const auto& [name, tensor] : expected.tensors()) {
    const TensorView* const found = actual.find(name);
    ASSERT_NE(found, nullptr) << name;
    EXPECT_EQ(found->dtype, tensor.dtype) << name;
    EXPECT_EQ(found->shape, tensor.shape) << name;
    EXPECT_TRUE(std::ranges::equal(found->data, tensor.data)) << name;
  }
}

/// Three tensors "a", "b", "c" of 2, 3 and 4 float32 elements.
class SmallWeights {
 public:
  SmallWeights() {
    std::iota(values_.begin(), values_.end(), 1.0F);
    const auto add = [&](const char* name, std::size_t begin, std::size_t count) {
      map[name] = {DType::kFloat32,
                   {static_cast<std::int64_t>(count)},
                   std::as_bytes(std::span(values_).subspan(begin, count))};
    };
    add("a", 0, 2);
    add("b", 2, 3);
    add("c", 5, 4);
  }
  Weights::Map map;

 private:
  std::vector<float> values_ = std::vector<float>(9);
};

class ShardedFiles : public ::testing::TestWithParam<WeightFormat> {
 protected:
  Result<Weights> read() const {
    const auto files = find_weight_files(folder_.path());
    if (!files) return files.error();
    return read_weight_files(*files);
  }
  void write_index(const std::string& text) const {
    write_file_atomically(folder_.path() / index_name(), text).value();
  }
  std::string index_name() const { return std::string(weight_file_name(GetParam())) + ".index.json"; }
  std::string shard(int number, int count) const {
    return GetParam() == WeightFormat::kSafetensors
               ? fmt::format("model-{:05}-of-{:05}.safetensors", number, count)
               : fmt::format("pytorch_model-{:05}-of-{:05}.bin", number, count);
  }
  void expect_refused(ErrorCode code, const std::string& says) const {
    const auto weights = read();
    ASSERT_FALSE(weights);
    EXPECT_EQ(weights.error().code, code) << weights.error().to_line();
    EXPECT_THAT(weights.error().to_line(), HasSubstr(says));
  }
  /// Two shards: a and b, then c.
  void write_two() const {
    write_weight_files(folder_.path(), GetParam(), small_.map, DType::kFloat32, 20).value();
  }

  SmallWeights small_;
  TemporaryDirectory folder_ = TemporaryDirectory::create().value();
};

INSTANTIATE_TEST_SUITE_P(Formats, ShardedFiles,
                         ::testing::Values(WeightFormat::kSafetensors, WeightFormat::kPytorchBin),
                         [](const auto& test) {
                           return test.param == WeightFormat::kSafetensors ? "safetensors" : "bin";
                         });

TEST_P(ShardedFiles, ComeBackWithTheReferencesNamesAndIndex) {
  write_two();
  expect_same_tensors(read().value(), Weights(small_.map, nullptr));
  const Json index = read_json_file(folder_.path() / index_name()).value();
  EXPECT_EQ(index, (Json{{"metadata", {{"total_size", 36}}},
                         {"weight_map", {{"a", shard(1, 2)}, {"b", shard(1, 2)}, {"c", shard(2, 2)}}}}));
  EXPECT_THAT(list_weight_files(find_weight_files(folder_.path()).value()).value(),
              ElementsAre(shard(1, 2), shard(2, 2)));
}

TEST_P(ShardedFiles, CountTheBytesThatAreWritten) {
  write_weight_files(folder_.path(), GetParam(), small_.map, DType::kFloat16, 18).value();
  EXPECT_FALSE(find_weight_files(folder_.path())->sharded);
  EXPECT_EQ(read()->find("b")->dtype, DType::kFloat16);
}

TEST_P(ShardedFiles, GiveATensorPastTheLimitAFileOfItsOwn) {
  write_weight_files(folder_.path(), GetParam(), small_.map, DType::kFloat32, 1).value();
  expect_same_tensors(read().value(), Weights(small_.map, nullptr));
  EXPECT_TRUE(fs::exists(folder_.path() / shard(3, 3)));
}

TEST_P(ShardedFiles, NameTheFileThatIsMissing) {
  write_two();
  fs::remove(folder_.path() / shard(2, 2));
  expect_refused(ErrorCode::kNotFound, shard(2, 2));
}

TEST_P(ShardedFiles, NameTheTensorThatIsNotWhereTheIndexSays) {
  write_two();
  write_index(Json{{"weight_map", {{"a", shard(1, 2)}, {"c", shard(1, 2)}}}}.dump());
  expect_refused(ErrorCode::kCorrupt, "tensor 'c' is not in '" + shard(1, 2) + "'");
}

TEST_P(ShardedFiles, NameTheTensorThatIsInTwoFiles) {
  write_two();
  fs::copy_file(folder_.path() / shard(1, 2), folder_.path() / shard(3, 3));
  write_index(Json{{"weight_map", {{"a", shard(1, 2)}, {"b", shard(3, 3)}}}}.dump());
  expect_refused(ErrorCode::kCorrupt, "tensor 'a' is in '" + shard(1, 2) + "' and in '" + shard(3, 3) + "'");
}

TEST_P(ShardedFiles, ReportADamagedFile) {
  write_two();
  const fs::path path = folder_.path() / shard(1, 2);
  const std::string whole = read_file(path).value();
  for (const std::size_t size : {std::size_t{0}, std::size_t{7}, whole.size() / 2, whole.size() - 1}) {
    write_file_atomically(path, whole.substr(0, size)).value();
    expect_refused(ErrorCode::kCorrupt, shard(1, 2));
  }
}

TEST_P(ShardedFiles, AreRefusedWithNamesThatLeaveTheFolder) {
  const std::string suffix = GetParam() == WeightFormat::kSafetensors ? ".safetensors" : ".bin";
  for (const std::string& name :
       {"../a" + suffix, "/etc/a" + suffix, "sub/a" + suffix, "sub\\a" + suffix, ".a" + suffix, suffix,
        std::string("a\n") + suffix, std::string("config.json"), std::string(),
        std::string(300, 'a') + suffix, std::string("a\0b", 3) + suffix}) {
    write_index(Json{{"weight_map", {{"a", name}}}}.dump());
    expect_refused(ErrorCode::kCorrupt, "tensor 'a'");
  }
}

TEST_P(ShardedFiles, AreRefusedWithoutATableOfTensors) {
  for (const char* text :
       {"{}", "[]", "1", R"({"weight_map": []})", R"({"weight_map": {}})", R"({"weight_map": {"a": 1}})",
        R"({"weight_map": {"a": null}})", "{\"weight_map\""}) {
    write_index(text);
    expect_refused(ErrorCode::kCorrupt, index_name());
  }
}

TEST_P(ShardedFiles, AreNotWrittenBesideWeightsThatWouldBeReadInstead) {
  write_safetensors(folder_.path() / "model.safetensors", small_.map, DType::kFloat32).value();
  const auto written = write_weight_files(folder_.path(), GetParam(), small_.map, DType::kFloat32, 20);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kConflict);
  EXPECT_THAT(written.error().to_line(), HasSubstr("model.safetensors"));
}

TEST(ShardIndex, BoundsTheNumberOfFiles) {
  Json map;
  for (std::size_t i = 0; i <= kMaxShards; ++i) map[std::to_string(i)] = fmt::format("m{}.bin", i);
  const auto index = parse_shard_index(Json{{"weight_map", map}}.dump(), ".bin", "i");
  ASSERT_FALSE(index);
  EXPECT_EQ(index.error().code, ErrorCode::kResourceExhausted);
}

TEST(FindWeightFiles, PrefersWhatTheReferencePrefers) {
  const auto folder = TemporaryDirectory::create().value();
  const std::vector<std::string> from_last = {"pytorch_model.bin.index.json", "pytorch_model.bin",
                                              "model.safetensors.index.json", "model.safetensors"};
  EXPECT_EQ(find_weight_files(folder.path()).error().code, ErrorCode::kNotFound);
  for (const std::string& name : from_last) {
    write_file_atomically(folder.path() / name, "").value();
    EXPECT_EQ(find_weight_files(folder.path())->path.filename(), name);
  }
}

TEST(ParseShardSize, KnowsTheReferencesUnits) {
  EXPECT_EQ(parse_shard_size("10GB").value(), 10'000'000'000U);
  EXPECT_EQ(parse_shard_size("2GiB").value(), 2ULL << 30);
  EXPECT_EQ(parse_shard_size("200MB").value(), 200'000'000U);
  EXPECT_EQ(parse_shard_size("3mib").value(), 3U << 20);
  EXPECT_EQ(parse_shard_size("5KB").value(), 5000U);
  EXPECT_EQ(parse_shard_size("7KiB").value(), 7168U);
  EXPECT_EQ(parse_shard_size("123").value(), 123U);
  for (const char* text :
       {"", "GB", "0", "-1GB", "1.5GB", "1 GB", "1TB", "99999999999999999999", "18446744073709551615GB"}) {
    EXPECT_FALSE(parse_shard_size(text)) << text;
  }
}

/// Every fixture that has an index.
class ShardedFixture : public ::testing::TestWithParam<fs::path> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ShardedFixture);  // only among the shared fixtures
INSTANTIATE_TEST_SUITE_P(Fixtures, ShardedFixture,
                         ::testing::ValuesIn(testing::find_fixtures("", "model.safetensors.index.json")),
                         [](const auto& test) { return testing::fixture_name(test.param); });

TEST_P(ShardedFixture, HoldsOneModelInBothFormats) {
  const auto safetensors = load_checkpoint(GetParam());
  ASSERT_TRUE(safetensors) << safetensors.error().to_line();
  const auto folder = TemporaryDirectory::create().value();
  for (const auto& entry : fs::directory_iterator(GetParam())) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("pytorch_model") || name == "config.json") {
      fs::copy_file(entry.path(), folder.path() / name);
    }
  }
  const auto bin = load_checkpoint(folder.path());
  ASSERT_TRUE(bin) << bin.error().to_line();
  expect_same_tensors(bin->weights, safetensors->weights);
}

TEST_P(ShardedFixture, EqualsTheUnshardedModel) {
  const std::string name = GetParam().filename().string();
  constexpr std::string_view kSuffix = "-sharded";
  ASSERT_TRUE(name.ends_with(kSuffix));
  const fs::path whole = GetParam().parent_path() / name.substr(0, name.size() - kSuffix.size());
  if (!fs::exists(whole)) GTEST_SKIP() << "no unsharded fixture beside it";
  const auto sharded = load_checkpoint(GetParam());
  ASSERT_TRUE(sharded) << sharded.error().to_line();
  expect_same_tensors(sharded->weights, load_checkpoint(whole).value().weights);
}

}  // namespace
}  // namespace epicrisis
