#include "hub/manifest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/sha256.hpp"
#include "hub/model_name.hpp"

namespace epicrisis {
namespace {

using ::testing::HasSubstr;

Manifest example() {
  Manifest manifest;
  manifest.name = "ward-7";
  manifest.version = "2";
  manifest.sequence = 3;
  manifest.stored_at = "2026-11-24T22:39:36Z";
  manifest.facts = {"pegasus", 168687, "F32"};
  manifest.origin = {"pull", "", "https://hub.example", "acme/ward-7", "main", "0123abcd"};
  manifest.files = {{"config.json", 2, std::string(64, 'a')},
                    {"sub/model.safetensors", 9, std::string(64, 'b')}};
  manifest.content_sha256 = content_sha256(manifest.files);
  return manifest;
}

/// The example's text with `from` replaced by `to`.
std::string altered(std::string_view from, std::string_view to) {
  std::string text = format_manifest(example());
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(ManifestText, GivesBackWhatWasWritten) {
  const auto read = parse_manifest(format_manifest(example()), "manifest.json");
  ASSERT_TRUE(read) << read.error().to_line();
  EXPECT_EQ(*read, example());
}

TEST(ManifestText, HashesWhatSha256sumPrints) {
  const std::string printed =
      std::string(64, 'a') + "  config.json\n" + std::string(64, 'b') + "  sub/model.safetensors\n";
  EXPECT_EQ(example().content_sha256, Sha256().update(printed).hex());
}

TEST(ManifestText, NoPartOfOneIsOne) {
  const std::string text = format_manifest(example());
  for (std::size_t length = 0; length + 2 < text.size(); ++length)
    EXPECT_FALSE(parse_manifest(text.substr(0, length), "manifest.json")) << length;
}

struct AlterationCase {
  const char* name;
  const char* from;
  const char* to;
  const char* named;
};

class ManifestAlteration : public ::testing::TestWithParam<AlterationCase> {};

TEST_P(ManifestAlteration, IsRefusedByField) {
  const auto read = parse_manifest(altered(GetParam().from, GetParam().to), "manifest.json");
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().to_line(), HasSubstr(GetParam().named));
}

INSTANTIATE_TEST_SUITE_P(
    Fields, ManifestAlteration,
    ::testing::Values(
        AlterationCase{"later_format", "\"format\": 1", "\"format\": 2", "'format'"},
        AlterationCase{"no_name", "\"ward-7\",\n  \"version\"", "\"\",\n  \"version\"", "'name'"},
        AlterationCase{"climbing_name", "\"ward-7\",\n  \"version\"", "\"../x\",\n  \"version\"", "'name'"},
        AlterationCase{"bad_version", "\"version\": \"2\"", "\"version\": \"a/b\"", "'version'"},
        AlterationCase{"number_as_text", "\"sequence\": 3", "\"sequence\": \"3\"", "'sequence'"},
        AlterationCase{"negative_size", "\"size\": 2", "\"size\": -2", "'size'"},
        AlterationCase{"climbing_path", "config.json", "../config.json", "'path'"},
        AlterationCase{"absolute_path", "config.json", "/config.json", "'path'"},
        AlterationCase{"unsorted", "config.json", "zonfig.json", "sorted"},
        AlterationCase{"short_hash", "aaaaaaaa", "aaaa", "'sha256'"},
        AlterationCase{"other_hash", "aaaaaaaa", "aaaaaaac", "'content_sha256'"},
        AlterationCase{"no_files", "\"files\"", "\"filez\"", "'files'"},
        AlterationCase{"no_model", "\"model\"", "\"modem\"", "'model'"}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST(ModelNames, AreReadAndRefused) {
  EXPECT_EQ(parse_model_name("ward-7")->name, "ward-7");
  EXPECT_FALSE(parse_model_name("ward-7")->version);
  EXPECT_EQ(parse_model_name("ward-7@2.0-rc1")->version, "2.0-rc1");
  EXPECT_EQ(parse_model_name("a@sha256:0123abcd")->version, "sha256:0123abcd");
  for (const char* wrong : {"", "@1", ".hidden", "-x", "a/b", "a b", "..", "model.tar.gz", "a@", "a@b/c",
                            "a@sha256:0123", "a@sha256:XYZXYZXYZ", "a@.."}) {
    const auto parsed = parse_model_name(wrong);
    ASSERT_FALSE(parsed) << wrong;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_FALSE(is_model_name(std::string(129, 'a')));
}

}  // namespace
}  // namespace epicrisis
