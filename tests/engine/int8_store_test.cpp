#include "engine/model/int8_store.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <vector>

#include "base/files.hpp"
#include "checkpoint/derived_files.hpp"
#include "checkpoint/weight_files.hpp"

namespace epicrisis::engine {
namespace {

namespace fs = std::filesystem;

/// A model folder with two matrices, and a folder for caches elsewhere.
class Int8Stores : public ::testing::Test {
 protected:
  void SetUp() override {
    ::setenv("XDG_CACHE_HOME", (other_.path() / "cache").c_str(), 1);
    for (std::size_t i = 0; i < values_.size(); ++i) values_[i] = static_cast<float>(i % 97) * 0.01F - 0.4F;
    write_weights();
  }
  void TearDown() override { ::unsetenv("XDG_CACHE_HOME"); }

  void write_weights() {
    fs::remove(folder_.path() / "model.safetensors");
    ASSERT_TRUE(write_weight_files(folder_.path(), WeightFormat::kSafetensors, {{"a", matrix(30, 50)}},
                                   DType::kFloat32));
  }

  TensorView matrix(std::int64_t out, std::int64_t in) const {
    const auto bytes = std::as_bytes(std::span(values_));
    return {DType::kFloat32, {out, in}, bytes.first(static_cast<std::size_t>(out * in) * sizeof(float))};
  }

  /// The bytes of the matrices after fill() with `folder`, and whether they were mapped.
  struct Filled {
    std::vector<std::byte> bytes;
    bool mapped = false;
  };
  Filled fill(const fs::path& folder) {
    Int8Store store;
    const kernels::Int8Panels* first = store.add("a", matrix(30, 50));
    const kernels::Int8Panels* second = store.add("b", matrix(16, 20));
    ThreadTeam team(2);
    store.fill(folder, team, 0);
    const auto* begin = reinterpret_cast<const std::byte*>(first->weights);
    const auto* end = reinterpret_cast<const std::byte*>(second->offsets + 16);
    return {{begin, end}, store.is_mapped()};
  }

  static std::vector<fs::path> caches_in(const fs::path& folder) {
    std::vector<fs::path> found;
    std::error_code absent;
    for (const auto& entry : fs::directory_iterator(folder, absent))
      if (is_derived_file(entry.path().filename().string())) found.push_back(entry.path());
    return found;
  }

  TemporaryDirectory folder_ = TemporaryDirectory::create().value();
  TemporaryDirectory other_ = TemporaryDirectory::create().value();
  std::vector<float> values_ = std::vector<float>(30 * 50);
};

TEST_F(Int8Stores, WithoutAFolderNothingIsKept) {
  EXPECT_FALSE(fill({}).mapped);
  EXPECT_TRUE(caches_in(folder_.path()).empty());
}

TEST_F(Int8Stores, TheSecondLoadMapsWhatTheFirstComputed) {
  const Filled computed = fill({});
  EXPECT_EQ(fill(folder_.path()).bytes, computed.bytes);
  ASSERT_EQ(caches_in(folder_.path()).size(), 1U);
  const auto written = fs::last_write_time(caches_in(folder_.path()).front());
  const Filled mapped = fill(folder_.path());
  EXPECT_TRUE(mapped.mapped);
  EXPECT_EQ(mapped.bytes, computed.bytes);
  EXPECT_EQ(fs::last_write_time(caches_in(folder_.path()).front()), written) << "written again";
}

TEST_F(Int8Stores, OtherWeightsGetAnotherCacheAndTheOldOneGoes) {
  fill(folder_.path());
  const fs::path before = caches_in(folder_.path()).front();
  values_[17] = 3.0F;
  write_weights();
  EXPECT_EQ(fill(folder_.path()).bytes, fill({}).bytes);
  ASSERT_EQ(caches_in(folder_.path()).size(), 1U);
  EXPECT_NE(caches_in(folder_.path()).front(), before);
}

TEST_F(Int8Stores, WhatOthersKeepOrWriteBesideItStays) {
  fill(folder_.path());
  const std::string cache = caches_in(folder_.path()).front().string();
  const std::string being_written = cache + ".tmp-Ab12Cd";
  const std::string abandoned = cache + ".tmp-Zz99Zz";
  const fs::path staging = folder_.path() / ".epicrisis-staging";
  ASSERT_TRUE(write_file_atomically(being_written, "x"));
  ASSERT_TRUE(write_file_atomically(abandoned, "x"));
  fs::last_write_time(abandoned, fs::file_time_type::clock::now() - std::chrono::hours(48));
  ASSERT_TRUE(write_file_atomically(staging, "x"));
  values_[17] = 3.0F;
  write_weights();
  fill(folder_.path());
  EXPECT_FALSE(fs::exists(cache)) << "of an earlier state";
  EXPECT_FALSE(fs::exists(abandoned));
  EXPECT_TRUE(fs::exists(being_written));
  EXPECT_TRUE(fs::exists(staging));
}

TEST_F(Int8Stores, EveryKindOfDamageMakesItComputeAgain) {
  const Filled computed = fill(folder_.path());
  const fs::path cache = caches_in(folder_.path()).front();
  const std::string whole = read_file(cache).value();
  for (const std::size_t place : {0UL, 9UL, 17UL, 25UL, 40UL, 130UL, whole.size() - 1}) {
    std::string damaged = whole;
    damaged[place] = static_cast<char>(damaged[place] ^ 1);
    ASSERT_TRUE(write_file_atomically(cache, damaged));
    EXPECT_EQ(fill(folder_.path()).bytes, computed.bytes) << "byte " << place;
    EXPECT_EQ(read_file(cache).value(), whole) << "not mended";
  }
  for (const std::size_t length : {0UL, 5UL, 128UL, whole.size() - 1}) {
    ASSERT_TRUE(write_file_atomically(cache, whole.substr(0, length)));
    EXPECT_EQ(fill(folder_.path()).bytes, computed.bytes) << length << " bytes";
  }
}

TEST_F(Int8Stores, AFolderThatCannotBeWrittenIsServedFromTheUsersCache) {
  // What is no folder cannot be written into, whoever asks; its weights are found through a link.
  const fs::path locked = other_.path() / "locked";
  fs::create_directory(locked);
  fs::create_symlink(folder_.path() / "model.safetensors", locked / "model.safetensors");
  fill(locked);
  const fs::path name = caches_in(locked).front().filename();
  fs::remove(locked / name);
  fs::create_directories(locked / name / "in the way");
  EXPECT_TRUE(fill(locked).mapped);
  EXPECT_EQ(caches_in(other_.path() / "cache" / "epicrisis").size(), 1U);
  EXPECT_TRUE(fill(locked).mapped);
}

TEST_F(Int8Stores, WithoutAnyPlaceItStillLoads) {
  ::setenv("XDG_CACHE_HOME", "/dev/null", 1);
  const fs::path locked = other_.path() / "locked";
  fs::create_directory(locked);
  fs::create_symlink(folder_.path() / "model.safetensors", locked / "model.safetensors");
  fill(locked);
  const fs::path name = caches_in(locked).front().filename();
  fs::remove(locked / name);
  fs::create_directories(locked / name / "in the way");
  const Filled filled = fill(locked);
  EXPECT_FALSE(filled.mapped);
  EXPECT_EQ(filled.bytes, fill({}).bytes);
}

}  // namespace
}  // namespace epicrisis::engine
