#include "checkpoint/safetensors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "support/fixtures.hpp"

namespace epicrisis {
namespace {

using ::testing::HasSubstr;

std::string file_of(const std::string& header, std::size_t data_bytes) {
  std::uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + std::string(data_bytes, '\1');
}

Result<Weights::Map> parse(const std::string& bytes) {
  return parse_safetensors(std::as_bytes(std::span(bytes)), "m.safetensors");
}

TEST(Safetensors, ReadsViewsIntoTheFile) {
  const std::string bytes =
      file_of(R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F16","shape":[3],"data_offsets":[8,14]},)"
              R"("a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}})",
              14);
  const auto tensors = parse(bytes);
  ASSERT_TRUE(tensors) << tensors.error().to_line();
  ASSERT_EQ(tensors->size(), 2U);
  EXPECT_EQ(tensors->at("a").shape, (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(tensors->at("b").dtype, DType::kFloat16);
  const auto* const end = reinterpret_cast<const std::byte*>(bytes.data() + bytes.size());
  EXPECT_EQ(tensors->at("b").data.data(), end - 6);
}

TEST(Safetensors, AcceptsScalarsAndEmptyTensors) {
  const auto tensors =
      parse(file_of(R"({"s":{"dtype":"I64","shape":[],"data_offsets":[0,8]},)"
                    R"("e":{"dtype":"F32","shape":[0,4611686018427387904],"data_offsets":[8,8]}})",
                    8));
  ASSERT_TRUE(tensors) << tensors.error().to_line();
  EXPECT_EQ(tensors->at("s").element_count(), 1);
  EXPECT_EQ(tensors->at("e").element_count(), 0);
}

struct BadFile {
  const char* name;
  std::string bytes;
  std::string says;
};
std::ostream& operator<<(std::ostream& out, const BadFile& bad) { return out << bad.name; }
class BadSafetensors : public ::testing::TestWithParam<BadFile> {};

BadFile entry(const char* name, const std::string& fields, std::size_t data_bytes, const char* says) {
  return {name, file_of(R"({"t":{)" + fields + "}}", data_bytes), says};
}

INSTANTIATE_TEST_SUITE_P(
    Headers, BadSafetensors,
    ::testing::Values(
        BadFile{"empty", "", "0 bytes are too few"}, BadFile{"short", "1234567", "7 bytes are too few"},
        BadFile{"length_past_end", file_of("{}", 0).replace(0, 1, 1, '\x20'), "claims 32 bytes"},
        BadFile{"length_huge", std::string(8, '\xFF') + "{}", "claims 18446744073709551615 bytes"},
        BadFile{"not_json", file_of("{]", 0), "not valid JSON"},
        BadFile{"not_object", file_of("[1]", 0), "does not start with '{'"},
        BadFile{"entry_not_object", file_of(R"({"t":3})", 0), "is no object"},
        BadFile{"control_characters", file_of("{\"a\\n\\u001b[2J\":3}", 0), "a\\x0a\\x1b[2J"},
        BadFile{"hidden_bytes", file_of("{}", 3), "the file at 3"},
        entry("no_dtype", R"("shape":[1],"data_offsets":[0,4])", 4, "no string 'dtype'"),
        entry("odd_dtype", R"("dtype":"F8_E5M2","shape":[1],"data_offsets":[0,1])", 1, "F8_E5M2"),
        entry("no_shape", R"("dtype":"F32","data_offsets":[0,4])", 4, "no list 'shape'"),
        entry("negative_size", R"("dtype":"F32","shape":[-1],"data_offsets":[0,4])", 4, "no valid count"),
        entry("fraction", R"("dtype":"F32","shape":[1.0],"data_offsets":[0,4])", 4, "no valid count"),
        entry("rank", R"("dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4])", 4, "has 9"),
        entry("product_overflows", R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0])", 0,
              "does not take"),
        entry("too_few_bytes", R"("dtype":"F32","shape":[2],"data_offsets":[0,4])", 4, "does not take 4"),
        entry("backwards", R"("dtype":"F32","shape":[0],"data_offsets":[4,0])", 4, "bytes 4 to 0"),
        entry("past_end", R"("dtype":"F32","shape":[2],"data_offsets":[0,8])", 4, "bytes 0 to 8"),
        entry("one_offset", R"("dtype":"F32","shape":[1],"data_offsets":[0])", 4, "'data_offsets'"),
        entry("hole_first", R"("dtype":"F32","shape":[1],"data_offsets":[4,8])", 8, "starts at byte 4"),
        BadFile{"overlap",
                file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                        R"("b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
                        12),
                "starts at byte 4 instead of 8"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST_P(BadSafetensors, IsRefusedWithOneLineThatSaysWhere) {
  const auto tensors = parse(GetParam().bytes);
  ASSERT_FALSE(tensors);
  EXPECT_THAT(tensors.error().to_line(), HasSubstr(GetParam().says));
  EXPECT_THAT(tensors.error().to_line(), HasSubstr("m.safetensors"));
  EXPECT_EQ(tensors.error().to_line().find('\n'), std::string::npos);
}

TEST(Safetensors, RefusesAHeaderPastTheLimit) {
  const auto tensors = parse(file_of("{}" + std::string(kMaxSafetensorsHeaderBytes, ' '), 0));
  ASSERT_FALSE(tensors);
  EXPECT_EQ(tensors.error().code, ErrorCode::kCorrupt);
}

TEST(Safetensors, EveryTruncationOfARealFileIsRefused) {
  const auto bytes = read_file(testing::kept_fixtures_dir() / "pegasus/xsum-like/model.safetensors");
  ASSERT_TRUE(bytes);
  std::size_t length = bytes->size();
  while (length > 0) {
    length = length > 20000 ? length - 9973 : length * 9 / 10;
    EXPECT_FALSE(parse(bytes->substr(0, length))) << length;
  }
}

TEST(Safetensors, WritesWhatTheReferenceLibraryWritesByteForByte) {
  const auto source = testing::kept_fixtures_dir() / "pegasus/xsum-like/model.safetensors";
  const auto weights = read_safetensors(source);
  ASSERT_TRUE(weights) << weights.error().to_line();
  const auto folder = TemporaryDirectory::create();
  ASSERT_TRUE(folder);
  const auto copy = folder->path() / "model.safetensors";
  const auto written = write_safetensors(copy, weights->tensors(), DType::kFloat32);
  ASSERT_TRUE(written) << written.error().to_line();
  EXPECT_TRUE(*read_file(copy) == *read_file(source));
}

TEST(Safetensors, NarrowsFloatsAndKeepsIntegers) {
  const std::vector<float> floats = {1.0F, -0.5F, 3.0F};
  const std::vector<std::int64_t> integers = {7, -7};
  Weights::Map tensors;
  tensors["a"] = {DType::kFloat32, {3}, std::as_bytes(std::span(floats))};
  tensors["z"] = {DType::kInt64, {2}, std::as_bytes(std::span(integers))};
  const auto folder = TemporaryDirectory::create();
  ASSERT_TRUE(folder);
  const auto path = folder->path() / "m.safetensors";
  ASSERT_TRUE(write_safetensors(path, tensors, DType::kBFloat16));
  const auto read = read_safetensors(path);
  ASSERT_TRUE(read) << read.error().to_line();
  std::vector<float> widened(3);
  widen_to_float32(*read->find("a"), widened);
  EXPECT_EQ(widened, floats);
  ASSERT_EQ(read->find("z")->dtype, DType::kInt64);
  EXPECT_EQ(std::memcmp(read->find("z")->data.data(), integers.data(), 16), 0);
}

TEST(Safetensors, NamesTheTensorThatDoesNotFitTheType) {
  const std::vector<float> floats = {1e6F};
  Weights::Map tensors;
  tensors["model.w"] = {DType::kFloat32, {1}, std::as_bytes(std::span(floats))};
  const auto folder = TemporaryDirectory::create();
  ASSERT_TRUE(folder);
  const auto written = write_safetensors(folder->path() / "m.safetensors", tensors, DType::kFloat16);
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().detail, HasSubstr("model.w"));
  EXPECT_TRUE(std::filesystem::is_empty(folder->path()));
  EXPECT_FALSE(write_safetensors(folder->path() / "m.safetensors", tensors, DType::kInt8));
}

}  // namespace
}  // namespace epicrisis
