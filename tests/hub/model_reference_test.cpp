#include "hub/model_reference.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "checkpoint/archive.hpp"
#include "support/fixtures.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::HasSubstr;

fs::path kept() { return testing::kept_fixtures_dir() / "pegasus/xsum-like"; }

/// A folder of models that holds the kept one under `name`.
TemporaryDirectory place_with(std::string_view name) {
  auto place = TemporaryDirectory::create().value();
  fs::create_directory(place.path() / name);
  fs::copy_file(kept() / "config.json", place.path() / name / "config.json");
  return place;
}

TEST(ResolveModel, FindsAFolder) {
  const auto model = resolve_model(kept().string(), {});
  ASSERT_TRUE(model) << model.error().to_line();
  EXPECT_EQ(model->path(), kept());
}

TEST(ResolveModel, FindsABundledModelByNameAndByNone) {
  const TemporaryDirectory empty = TemporaryDirectory::create().value();
  const TemporaryDirectory place = place_with(kBundledModel);
  for (const std::string_view ref : {std::string_view(), kBundledModel}) {
    const auto model = resolve_model(ref, {empty.path(), place.path()});
    ASSERT_TRUE(model) << model.error().to_line();
    EXPECT_EQ(model->path(), place.path() / kBundledModel);
    EXPECT_EQ(model->name(), kBundledModel);
  }
}

TEST(ResolveModel, UnpacksAnArchiveForAsLongAsItIsUsed) {
  const TemporaryDirectory folder = TemporaryDirectory::create().value();
  const fs::path archive = folder.path() / "model.tar.gz";
  AtomicFile file = AtomicFile::create(archive).value();
  ASSERT_TRUE(write_tar_gz({{"config.json", kept() / "config.json"}},
                           [&](std::span<const std::byte> piece) { return file.write(piece); }));
  ASSERT_TRUE(file.commit());
  fs::path unpacked;
  {
    auto model = resolve_model(archive.string(), {});
    ASSERT_TRUE(model) << model.error().to_line();
    const ModelFolder copy = *model;
    model = Error{};
    unpacked = copy.path();
    EXPECT_TRUE(*read_file(unpacked / "config.json") == *read_file(kept() / "config.json"));
    EXPECT_EQ(copy.name(), archive.string());
  }
  EXPECT_FALSE(fs::exists(unpacked));
}

TEST(ResolveModel, SaysWhatWasLookedForAndWhere) {
  const TemporaryDirectory place = place_with("other");
  const auto missing = resolve_model("", {place.path()});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().to_line(), HasSubstr(std::string(kBundledModel)));
  EXPECT_THAT(missing.error().to_line(), HasSubstr(place.path().string()));
  EXPECT_THAT(resolve_model("nosuch", {}).error().to_line(), HasSubstr("EPICRISIS_MODELS"));
  EXPECT_EQ(resolve_model("no/such/folder", {place.path()}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(resolve_model("gone.tar.gz", {place.path()}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(resolve_model("../other", {place.path() / "x"}).error().code, ErrorCode::kNotFound);
}

TEST(ResolveModel, RefusesWhatItCannotRead) {
  EXPECT_EQ(resolve_model("s3://bucket/model.tar.gz", {}).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(resolve_model((kept() / "config.json").string(), {}).error().code, ErrorCode::kInvalidArgument);
}

TEST(ModelPlaces, HoldWhatTheEnvironmentNamesFirst) {
  const char* const before = std::getenv("EPICRISIS_MODELS");
  const std::string kept_value = before != nullptr ? before : "";
  ::setenv("EPICRISIS_MODELS", "/somewhere/models", 1);
  const auto places = model_places();
  before != nullptr ? ::setenv("EPICRISIS_MODELS", kept_value.c_str(), 1) : ::unsetenv("EPICRISIS_MODELS");
  ASSERT_FALSE(places.empty());
  EXPECT_EQ(places.front(), "/somewhere/models");
  const bool installed = std::any_of(places.begin(), places.end(), [](const fs::path& place) {
    return place.string().ends_with("share/epicrisis/models");
  });
  EXPECT_TRUE(installed);
}

}  // namespace
}  // namespace epicrisis
