#include "hub/package.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "base/files.hpp"
#include "base/json.hpp"
#include "checkpoint/archive.hpp"
#include "support/fixtures.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Package : public ::testing::Test {
 protected:
  Package() {
    fs::create_directory(model());
    for (const auto& entry : fs::directory_iterator(testing::kept_fixtures_dir() / "pegasus/xsum-like")) {
      const std::string name = entry.path().filename().string();
      if (name != "pytorch_model.bin" && name != "expected.json") fs::copy_file(entry, model() / name);
    }
  }
  fs::path model() const { return folder_.path() / "model"; }
  fs::path target() const { return folder_.path() / "model.tar.gz"; }
  fs::path unpacked() const { return folder_.path() / "unpacked"; }

  TemporaryDirectory folder_ = TemporaryDirectory::create().value();
};

TEST_F(Package, HoldsTheWholeModelAtItsRoot) {
  const auto report = package_model(model(), target(), {});
  ASSERT_TRUE(report) << report.error().to_line();
  EXPECT_THAT(report->files, ElementsAre("README.md", "config.json", "generation_config.json",
                                         "pytorch_model.bin", "special_tokens_map.json", "spiece.model",
                                         "tokenizer.json", "tokenizer_config.json"));
  EXPECT_EQ(report->size_bytes, fs::file_size(target()));
  ASSERT_TRUE(unpack_tar_gz(target(), unpacked()));
  const auto packed = load_checkpoint(unpacked());
  ASSERT_TRUE(packed) << packed.error().to_line();
  const auto original = load_checkpoint(model()).value();
  EXPECT_EQ(packed->config, original.config);
  for (const auto& [name, tensor] : original.weights.tensors()) {
    const TensorView* const found = packed->weights.find(name);
    ASSERT_NE(found, nullptr) << name;
    EXPECT_TRUE(std::ranges::equal(found->data, tensor.data)) << name;
  }
}

TEST_F(Package, KeepsSafetensorsAsTheyAre) {
  PackageOptions options;
  options.format = WeightFormat::kSafetensors;
  ASSERT_TRUE(package_model(model(), target(), options));
  ASSERT_TRUE(unpack_tar_gz(target(), unpacked()));
  EXPECT_TRUE(*read_file(unpacked() / "model.safetensors") == *read_file(model() / "model.safetensors"));
  EXPECT_FALSE(fs::exists(unpacked() / "pytorch_model.bin"));
}

TEST_F(Package, SameModelGivesSameBytesWhereverItLies) {
  ASSERT_TRUE(package_model(model(), target(), {}));
  fs::rename(model(), folder_.path() / "moved");
  const fs::path second = folder_.path() / "second.tar.gz";
  ASSERT_TRUE(package_model(folder_.path() / "moved", second, {}));
  EXPECT_TRUE(*read_file(target()) == *read_file(second));
}

TEST_F(Package, GeneratesACardWithTheFiguresOfTraining) {
  write_file_atomically(model() / "metrics.jsonl",
                        "{\"epoch\": 1, \"eval_loss\": 3.5}\n{\"epoch\": 2, \"eval_loss\": 2.25}\n")
      .value();
  PackageOptions options;
  options.name = "ward-7";
  options.trained_for = "nursing notes.";
  ASSERT_TRUE(package_model(model(), target(), options));
  ASSERT_TRUE(unpack_tar_gz(target(), unpacked()));
  const std::string card = read_file(unpacked() / "README.md").value();
  EXPECT_TRUE(card.starts_with("---\nlibrary_name: transformers\n")) << card;
  EXPECT_THAT(card, HasSubstr("# ward-7\n"));
  EXPECT_THAT(card, HasSubstr("Trained for: nursing notes."));
  EXPECT_THAT(card, HasSubstr("| `eval_loss` | 2.25 |"));
  EXPECT_THAT(card, HasSubstr("2 layers, 4 heads, feed-forward width 96"));
  EXPECT_THAT(card, HasSubstr("| element type | F32 |"));
  // 773,052 bytes of tensors are 193,263 elements; two computed tables of 256 x 48 do not count.
  EXPECT_THAT(card, HasSubstr("| parameters | 168,687 |"));
}

TEST_F(Package, CarriesTheModelsOwnCardOn) {
  write_file_atomically(model() / "README.md", "# Mine\n").value();
  ASSERT_TRUE(package_model(model(), target(), {}));
  ASSERT_TRUE(unpack_tar_gz(target(), unpacked()));
  EXPECT_EQ(*read_file(unpacked() / "README.md"), "# Mine\n");
}

TEST_F(Package, MakesAMissingGenerationConfigFromConfig) {
  fs::remove(model() / "generation_config.json");
  ASSERT_TRUE(package_model(model(), target(), {}));
  ASSERT_TRUE(unpack_tar_gz(target(), unpacked()));
  const auto settings = read_json_file(unpacked() / "generation_config.json").value();
  EXPECT_EQ(settings.at("num_beams"), 8);
  EXPECT_EQ(settings.at("length_penalty"), 0.6);
  EXPECT_FALSE(settings.contains("d_model"));
}

TEST_F(Package, IsNotPublishedUnlessVerified) {
  write_file_atomically(target(), "what was there").value();
  PackageOptions options;
  options.verify = [&](const fs::path& folder) -> Result<void> {
    EXPECT_TRUE(load_checkpoint(folder));
    EXPECT_EQ(*read_file(target()), "what was there");
    return Error{ErrorCode::kInternal, "no", ""};
  };
  EXPECT_FALSE(package_model(model(), target(), options));
  EXPECT_EQ(*read_file(target()), "what was there");
  std::size_t entries = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder_.path())) ++entries;
  EXPECT_EQ(entries, 2U) << "something was left behind";
}

TEST_F(Package, NamesAMissingTokenizer) {
  fs::remove(model() / "tokenizer.json");
  const auto report = package_model(model(), target(), {});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(report.error().to_line(), HasSubstr("tokenizer.json"));
  EXPECT_FALSE(fs::exists(target()));
}

}  // namespace
}  // namespace epicrisis
