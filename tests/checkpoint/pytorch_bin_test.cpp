#include "checkpoint/pytorch_bin.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "checkpoint/checkpoint.hpp"
#include "checkpoint/detail/stored_zip.hpp"
#include "checkpoint/safetensors.hpp"
#include "support/fixtures.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using std::string_literals::operator""s;

fs::path kept() { return testing::kept_fixtures_dir() / "pegasus/xsum-like"; }

void expect_equal(const TensorView& a, const TensorView& b, const std::string& name) {
  EXPECT_EQ(a.dtype, b.dtype) << name;
  EXPECT_EQ(a.shape, b.shape) << name;
  ASSERT_EQ(a.data.size(), b.data.size()) << name;
  EXPECT_EQ(std::memcmp(a.data.data(), b.data.data(), a.data.size()), 0) << name;
}

/// Every fixture whose .bin and .safetensors hold one model, whatever its family.
class EveryCheckpoint : public ::testing::TestWithParam<fs::path> {};
INSTANTIATE_TEST_SUITE_P(Fixtures, EveryCheckpoint,
                         ::testing::ValuesIn(testing::find_fixtures("", "pytorch_model.bin")),
                         [](const auto& test) { return testing::fixture_name(test.param); });

TEST_P(EveryCheckpoint, HoldsTheTensorsOfItsSafetensors) {
  if (!fs::exists(GetParam() / "model.safetensors")) GTEST_SKIP() << "no model.safetensors beside it";
  const auto bin = read_pytorch_bin(GetParam() / "pytorch_model.bin");
  ASSERT_TRUE(bin) << bin.error().to_line();
  const auto safetensors = read_safetensors(GetParam() / "model.safetensors");
  ASSERT_TRUE(safetensors) << safetensors.error().to_line();
  for (const auto& [name, tensor] : safetensors->tensors()) {
    ASSERT_NE(bin->find(name), nullptr) << name;
    expect_equal(*bin->find(name), tensor, name);
  }
}

TEST_P(EveryCheckpoint, SurvivesOurWriterToo) {
  const auto bin = read_pytorch_bin(GetParam() / "pytorch_model.bin");
  ASSERT_TRUE(bin) << bin.error().to_line();
  const bool half = std::ranges::any_of(
      bin->tensors(), [](const auto& item) { return item.second.dtype == DType::kFloat16; });
  const auto folder = TemporaryDirectory::create().value();
  const auto written =
      write_pytorch_bin(folder.path() / "a.bin", bin->tensors(), half ? DType::kFloat16 : DType::kFloat32);
  ASSERT_TRUE(written) << written.error().to_line();
  const auto again = read_pytorch_bin(folder.path() / "a.bin");
  ASSERT_TRUE(again) << again.error().to_line();
  ASSERT_EQ(again->tensors().size(), bin->tensors().size());
  for (const auto& [name, tensor] : bin->tensors()) expect_equal(*again->find(name), tensor, name);
}

class EveryLegacyCheckpoint : public ::testing::TestWithParam<fs::path> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EveryLegacyCheckpoint);  // only among the shared fixtures
INSTANTIATE_TEST_SUITE_P(Fixtures, EveryLegacyCheckpoint,
                         ::testing::ValuesIn(testing::find_fixtures("", "pytorch_model.legacy.bin")),
                         [](const auto& test) { return testing::fixture_name(test.param); });

TEST_P(EveryLegacyCheckpoint, EqualsTheZipFile) {
  const auto legacy = read_pytorch_bin(GetParam() / "pytorch_model.legacy.bin");
  ASSERT_TRUE(legacy) << legacy.error().to_line();
  const auto bin = read_pytorch_bin(GetParam() / "pytorch_model.bin");
  ASSERT_TRUE(bin) << bin.error().to_line();
  ASSERT_EQ(legacy->tensors().size(), bin->tensors().size());
  for (const auto& [name, tensor] : bin->tensors()) expect_equal(*legacy->find(name), tensor, name);
}

TEST(PytorchBin, LoadsAsTheSameCheckpoint) {
  const auto folder = TemporaryDirectory::create().value();
  fs::copy_file(kept() / "config.json", folder.path() / "config.json");
  fs::copy_file(kept() / "pytorch_model.bin", folder.path() / "pytorch_model.bin");
  const auto bin = load_checkpoint(folder.path());
  ASSERT_TRUE(bin) << bin.error().to_line();
  const auto safetensors = load_checkpoint(kept()).value();
  ASSERT_EQ(bin->weights.tensors().size(), safetensors.weights.tensors().size());
  for (const auto& [name, tensor] : safetensors.weights.tensors()) {
    expect_equal(*bin->weights.find(name), tensor, name);
  }
}

TEST(PytorchBin, SavedCheckpointIsReproducibleAndWritesTiedTensorsOnce) {
  const auto folder = TemporaryDirectory::create().value();
  const Checkpoint checkpoint = load_checkpoint(kept()).value();
  ASSERT_TRUE(save_checkpoint(checkpoint, folder.path(), WeightFormat::kPytorchBin, DType::kFloat32));
  const std::string first = read_file(folder.path() / "pytorch_model.bin").value();
  const auto read = read_pytorch_bin(folder.path() / "pytorch_model.bin");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->find("lm_head.weight"), nullptr);
  const Checkpoint again = load_checkpoint(folder.path()).value();
  ASSERT_TRUE(save_checkpoint(again, folder.path(), WeightFormat::kPytorchBin, DType::kFloat32));
  EXPECT_TRUE(*read_file(folder.path() / "pytorch_model.bin") == first);
}

/// A file of one tensor "t" over one float32 storage of 6 elements 0..5, with the given arguments
/// (offset, sizes, strides) as opcodes.
std::string file_with(const std::string& arguments, const std::string& stored_elements = "K\x06") {
  std::vector<float> values(6);
  std::iota(values.begin(), values.end(), 0.0F);
  const std::string pickle = "\x80\x02}X\x01\0\0\0tctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storage"s +
                             "ctorch\nFloatStorage\nX\x01\0\0\0"
                             "0X\x03\0\0\0cpu"s +
                             stored_elements + "tQ" + arguments +
                             "\x89"
                             "ccollections\nOrderedDict\n)RtRs.";
  std::string bytes;
  detail::StoredZipWriter zip([&](std::span<const std::byte> piece) {
    bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    return Result<void>();
  });
  const auto add = [&](std::string_view name, std::span<const std::byte> data) {
    zip.begin(name, data.size(), detail::update_crc32(0, data)).value();
    zip.write(data).value();
  };
  add("m/data.pkl", std::as_bytes(std::span(pickle)));
  add("m/data/0", std::as_bytes(std::span(values)));
  zip.finish().value();
  return bytes;
}

Result<PytorchTensors> parse(const std::string& bytes) {
  return parse_pytorch_bin(std::as_bytes(std::span(bytes)), "m.bin");
}

std::vector<float> values_of(const PytorchTensors& parsed) {
  const TensorView& tensor = parsed.tensors.at("t");
  std::vector<float> values(static_cast<std::size_t>(tensor.element_count()));
  widen_to_float32(tensor, values);
  return values;
}

TEST(PytorchBin, HonoursOffsetsAndStrides) {
  const std::string transposed = file_with("K\0K\x03K\x02\x86K\x01K\x03\x86"s);
  auto parsed = parse(transposed);
  ASSERT_TRUE(parsed) << parsed.error().to_line();
  EXPECT_EQ(parsed->tensors.at("t").shape, (std::vector<std::int64_t>{3, 2}));
  EXPECT_EQ(values_of(*parsed), (std::vector<float>{0, 3, 1, 4, 2, 5}));

  const std::string column = file_with("K\x01K\x02\x85K\x03\x85"s);
  parsed = parse(column);
  ASSERT_TRUE(parsed) << parsed.error().to_line();
  EXPECT_EQ(values_of(*parsed), (std::vector<float>{1, 4}));

  const std::string row =
      file_with("K\x03K\x01K\x03\x86K\x63K\x01\x86"s);  // a stride of a size 1 says nothing
  parsed = parse(row);
  ASSERT_TRUE(parsed) << parsed.error().to_line();
  EXPECT_EQ(values_of(*parsed), (std::vector<float>{3, 4, 5}));

  const std::string scalar = file_with("K\x05))"s);
  parsed = parse(scalar);
  ASSERT_TRUE(parsed) << parsed.error().to_line();
  EXPECT_EQ(values_of(*parsed), (std::vector<float>{5}));

  const std::string empty = file_with("K\0K\0\x85K\x01\x85"s);
  parsed = parse(empty);
  ASSERT_TRUE(parsed) << parsed.error().to_line();
  EXPECT_EQ(values_of(*parsed).size(), 0U);
}

struct BadTensor {
  const char* name;
  std::string arguments;
  std::string says;
  std::string stored_elements = "K\x06";
};
std::ostream& operator<<(std::ostream& out, const BadTensor& bad) { return out << bad.name; }
class BadTensors : public ::testing::TestWithParam<BadTensor> {};

INSTANTIATE_TEST_SUITE_P(
    Arguments, BadTensors,
    ::testing::Values(
        BadTensor{"past_end", "K\x01K\x06\x85K\x01\x85"s, "does not lie within"},
        BadTensor{"offset_past_end",
                  "K\x07)"
                  ")"s,
                  "does not lie within"},
        BadTensor{"negative_offset", "J\xff\xff\xff\xffK\x01\x85K\x01\x85"s, "does not lie within"},
        BadTensor{"stride_past_end", "K\0K\x02\x85K\x06\x85"s, "does not lie within"},
        BadTensor{"stride_overflows", "K\0K\x03\x85\x8a\x08\0\0\0\0\0\0\0\x7f\x85"s, "does not lie within"},
        BadTensor{"expanded", "K\0K\x07\x85K\0\x85"s, "does not lie within"},
        BadTensor{"expanded_hugely", "K\0J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86K\0K\0\x86"s,
                  "does not lie within"},
        BadTensor{"negative_size", "K\0J\xff\xff\xff\xff\x85K\x01\x85"s, "no count"},
        BadTensor{"negative_stride", "K\x05K\x02\x85J\xff\xff\xff\xff\x85"s, "no count"},
        BadTensor{"ranks_differ", "K\0K\x02\x85)"s, "does not lie within"},
        BadTensor{"rank", "K\0(K\1K\1K\1K\1K\1K\1K\1K\1K\1t(K\1K\1K\1K\1K\1K\1K\1K\1K\1t"s, "dimensions"},
        BadTensor{"larger_storage", "K\0K\x02\x85K\x01\x85"s, "24 bytes, which are not 7", "K\x07"},
        BadTensor{"smaller_storage", "K\0K\x02\x85K\x01\x85"s, "24 bytes, which are not 5", "K\x05"},
        BadTensor{"huge_storage", "K\0K\x02\x85K\x01\x85"s, "24 bytes, which are not",
                  "\x8a\x08\0\0\0\0\0\0\0\x7f"s}),
    [](const auto& test) { return std::string(test.param.name); });

TEST_P(BadTensors, AreRefusedNamingTheTensorOrTheStorage) {
  const auto parsed = parse(file_with(GetParam().arguments, GetParam().stored_elements));
  ASSERT_FALSE(parsed);
  EXPECT_THAT(parsed.error().to_line(), HasSubstr(GetParam().says));
}

TEST(PytorchBin, TruncationsAndAlteredBytesAreNoticed) {
  const std::string whole = read_file(kept() / "pytorch_model.bin").value();
  for (std::size_t length = 0; length < whole.size(); length += 40'009) {
    EXPECT_FALSE(parse(whole.substr(0, length))) << length;
  }
  EXPECT_FALSE(parse(whole.substr(0, whole.size() - 1)));
  std::string altered = whole;
  const std::size_t in_data = altered.size() / 2;
  altered[in_data] = static_cast<char>(altered[in_data] ^ 1);
  const auto parsed = parse(altered);
  ASSERT_FALSE(parsed);
  EXPECT_THAT(parsed.error().to_line(), HasSubstr("checksum"));
}

TEST(PytorchBin, WhatIsNoCheckpointIsRefused) {
  EXPECT_THAT(parse("").error().to_line(), HasSubstr("m.bin"));
  EXPECT_FALSE(parse(std::string(1000, 'P')));
  EXPECT_FALSE(parse("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."s));
  const std::string pointer = "version https://git-lfs.github.com/spec/v1\n";
  EXPECT_FALSE(parse(pointer));
}

}  // namespace
}  // namespace epicrisis
