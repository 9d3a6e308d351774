#include "checkpoint/conversion.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "base/json.hpp"
#include "checkpoint/checkpoint.hpp"
#include "checkpoint/safetensors.hpp"
#include "support/fixtures.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

void expect_same_weights(const fs::path& actual, const fs::path& expected) {
  const auto a = load_checkpoint(actual);
  ASSERT_TRUE(a) << a.error().to_line();
  const auto b = load_checkpoint(expected);
  ASSERT_TRUE(b) << b.error().to_line();
  EXPECT_EQ(a->architecture, b->architecture);
  ASSERT_EQ(a->weights.tensors().size(), b->weights.tensors().size());
  for (const auto& [name, tensor] : b->weights.tensors()) {
    const TensorView* const found = a->weights.find(name);
    ASSERT_NE(found, nullptr) << name;
    EXPECT_EQ(found->dtype, tensor.dtype) << name;
    EXPECT_EQ(found->shape, tensor.shape) << name;
    EXPECT_TRUE(std::ranges::equal(found->data, tensor.data)) << name;
  }
}

/// Every fixture, whatever its family.
class EveryCheckpoint : public ::testing::TestWithParam<fs::path> {
 protected:
  ConversionReport convert(const fs::path& from, const std::string& name, const ConversionOptions& options) {
    const auto report = convert_checkpoint(from, folder_.path() / name, options);
    EXPECT_TRUE(report) << report.error().to_line();
    return report ? *report : ConversionReport();
  }
  fs::path at(const std::string& name) const { return folder_.path() / name; }
  TemporaryDirectory folder_ = TemporaryDirectory::create().value();
};
INSTANTIATE_TEST_SUITE_P(Fixtures, EveryCheckpoint,
                         ::testing::ValuesIn(testing::find_fixtures("", "config.json")),
                         [](const auto& test) { return testing::fixture_name(test.param); });

TEST_P(EveryCheckpoint, ComesBackFromEitherFormatBitForBit) {
  convert(GetParam(), "bin", {.format = WeightFormat::kPytorchBin});
  EXPECT_FALSE(fs::exists(at("bin") / "model.safetensors"));
  expect_same_weights(at("bin"), GetParam());
  convert(at("bin"), "safetensors", {.format = WeightFormat::kSafetensors});
  EXPECT_FALSE(fs::exists(at("safetensors") / "pytorch_model.bin"));
  expect_same_weights(at("safetensors"), GetParam());
  convert(at("safetensors"), "again", {.format = WeightFormat::kPytorchBin});
  EXPECT_TRUE(*read_file(at("again") / "pytorch_model.bin") == *read_file(at("bin") / "pytorch_model.bin"));
}

TEST_P(EveryCheckpoint, LoadsAlikeFromBothFormats) {
  if (!fs::exists(GetParam() / "pytorch_model.bin")) GTEST_SKIP() << "no pytorch_model.bin";
  if (!fs::exists(GetParam() / "model.safetensors")) GTEST_SKIP() << "no model.safetensors";
  fs::create_directory(at("bin-only"));
  for (const char* name : {"config.json", "pytorch_model.bin"}) {
    fs::copy_file(GetParam() / name, at("bin-only") / name);
  }
  expect_same_weights(at("bin-only"), GetParam());
}

TEST_P(EveryCheckpoint, SurvivesFilesOfAnySize) {
  for (const WeightFormat format : {WeightFormat::kSafetensors, WeightFormat::kPytorchBin}) {
    convert(GetParam(), "sharded", {.format = format, .max_shard_bytes = 50'000, .overwrite = true});
    EXPECT_TRUE(find_weight_files(at("sharded"))->sharded);
    expect_same_weights(at("sharded"), GetParam());
  }
}

TEST_P(EveryCheckpoint, NarrowsAsItsTypeRoundsAndKeepsTheRest) {
  const Json config = read_json_file(GetParam() / "config.json").value();
  convert(GetParam(), "bf16", {.dtype = DType::kBFloat16});
  Json expected = config;
  expected["torch_dtype"] = "bfloat16";
  EXPECT_EQ(read_json_file(at("bf16") / "config.json").value(), expected);
  EXPECT_EQ(*read_file(at("bf16") / "tokenizer.json"), *read_file(GetParam() / "tokenizer.json"));
  const Checkpoint wide = load_checkpoint(GetParam()).value();
  const Checkpoint narrow = load_checkpoint(at("bf16")).value();
  for (const auto& [name, tensor] : wide.weights.tensors()) {
    std::vector<float> values(static_cast<std::size_t>(tensor.element_count()));
    widen_to_float32(tensor, values);
    std::vector<std::byte> rounded(values.size() * 2);
    EXPECT_TRUE(narrow_from_float32(values, DType::kBFloat16, rounded));
    EXPECT_TRUE(std::ranges::equal(narrow.weights.find(name)->data, rounded)) << name;
  }
  // bfloat16 values are float32 values: nothing is lost on the way back up and down again.
  convert(at("bf16"), "fp32", {.dtype = DType::kFloat32});
  convert(at("fp32"), "bf16-again", {.dtype = DType::kBFloat16});
  expect_same_weights(at("bf16-again"), at("bf16"));
}

class EveryLegacyCheckpoint : public EveryCheckpoint {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EveryLegacyCheckpoint);  // only among the shared fixtures
INSTANTIATE_TEST_SUITE_P(Fixtures, EveryLegacyCheckpoint,
                         ::testing::ValuesIn(testing::find_fixtures("", "pytorch_model.legacy.bin")),
                         [](const auto& test) { return testing::fixture_name(test.param); });

TEST_P(EveryLegacyCheckpoint, LoadsWhenItIsTheModelsFile) {
  fs::create_directory(at("old"));
  fs::copy_file(GetParam() / "config.json", at("old") / "config.json");
  fs::copy_file(GetParam() / "pytorch_model.legacy.bin", at("old") / "pytorch_model.bin");
  expect_same_weights(at("old"), GetParam());
}

/// A copy of the kept Pegasus checkpoint that a test may change.
class ConvertPegasus : public ::testing::Test {
 protected:
  ConvertPegasus() {
    fs::create_directory(source_);
    for (const char* name :
         {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json"}) {
      fs::copy_file(testing::kept_fixtures_dir() / "pegasus/xsum-like" / name, source_ / name);
    }
  }
  TemporaryDirectory folder_ = TemporaryDirectory::create().value();
  fs::path source_ = folder_.path() / "source";
  fs::path target_ = folder_.path() / "target";
};

TEST_F(ConvertPegasus, CopiesAllButWeightsHiddenFilesAndFolders) {
  for (const char* name : {"README.md", "tf_model.h5", "flax_model.msgpack", "optimizer.pt", ".hidden",
                           "pytorch_model.bin.index.json", "training_args.bin", "vocab.txt"}) {
    write_file_atomically(source_ / name, "x").value();
  }
  fs::create_directory(source_ / "checkpoint-1");
  const auto report = convert_checkpoint(source_, target_, {});
  ASSERT_TRUE(report) << report.error().to_line();
  EXPECT_THAT(report->files, ElementsAre("README.md", "config.json", "generation_config.json",
                                         "model.safetensors", "tokenizer.json", "vocab.txt"));
  EXPECT_THAT(report->left_out,
              ElementsAre(".hidden", "checkpoint-1", "flax_model.msgpack", "optimizer.pt",
                          "pytorch_model.bin.index.json", "tf_model.h5", "training_args.bin"));
}

TEST_F(ConvertPegasus, RefusesAFolderThatIsThere) {
  ASSERT_TRUE(convert_checkpoint(source_, target_, {}));
  const auto again = convert_checkpoint(source_, target_, {});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kConflict);
  EXPECT_TRUE(convert_checkpoint(source_, target_, {.format = WeightFormat::kPytorchBin, .overwrite = true}));
  EXPECT_FALSE(fs::exists(target_ / "model.safetensors"));
}

TEST_F(ConvertPegasus, NeverReplacesWhatIsNoModel) {
  fs::create_directory(target_);
  write_file_atomically(target_ / "precious.txt", "x").value();
  const auto report = convert_checkpoint(source_, target_, {.overwrite = true});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kConflict);
  EXPECT_TRUE(fs::exists(target_ / "precious.txt"));
}

TEST_F(ConvertPegasus, NamesTheWeightThatFloat16CannotHold) {
  const Weights weights = read_safetensors(source_ / "model.safetensors").value();
  Weights::Map tensors = weights.tensors();
  std::vector<float> large(48, 1.0F);
  large[7] = 1e6F;
  tensors["model.decoder.layer_norm.bias"].data = std::as_bytes(std::span(large));
  write_safetensors(folder_.path() / "large.safetensors", tensors, DType::kFloat32).value();
  fs::rename(folder_.path() / "large.safetensors", source_ / "model.safetensors");
  for (const WeightFormat format : {WeightFormat::kSafetensors, WeightFormat::kPytorchBin}) {
    const auto report = convert_checkpoint(source_, target_, {.format = format, .dtype = DType::kFloat16});
    ASSERT_FALSE(report);
    EXPECT_THAT(report.error().to_line(), HasSubstr("'model.decoder.layer_norm.bias'"));
    EXPECT_FALSE(fs::exists(target_));
  }
  EXPECT_TRUE(convert_checkpoint(source_, target_, {.dtype = DType::kBFloat16}));
}

TEST_F(ConvertPegasus, LeavesNothingBehindWhenTheSourceIsDamaged) {
  const std::string whole = read_file(source_ / "model.safetensors").value();
  write_file_atomically(source_ / "model.safetensors", whole.substr(0, whole.size() - 1)).value();
  EXPECT_FALSE(convert_checkpoint(source_, target_, {}));
  EXPECT_FALSE(fs::exists(target_));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()), 1);
}

}  // namespace
}  // namespace epicrisis
