#include "checkpoint/detail/stored_zip.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace epicrisis::detail {
namespace {

using ::testing::HasSubstr;

std::string_view text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Result<StoredEntries> read(const std::string& bytes) {
  return read_stored_zip(std::as_bytes(std::span(bytes)), "m.bin");
}

std::string sample(std::uint64_t zip64_from = 0xFFFFFFFF) {
  std::string bytes;
  StoredZipWriter zip(
      [&](std::span<const std::byte> piece) {
        bytes += text(piece);
        return Result<void>();
      },
      zip64_from);
  for (const std::string content : {"one", "", "three, and a good deal longer than the first"}) {
    const auto data = std::as_bytes(std::span(content));
    EXPECT_TRUE(zip.begin("m/" + std::to_string(content.size()), data.size(), update_crc32(0, data)));
    EXPECT_TRUE(zip.write(data));
  }
  EXPECT_TRUE(zip.finish());
  return bytes;
}

class StoredZip : public ::testing::TestWithParam<std::uint64_t> {};
// Every field as zip64, only what passes 32 bytes, none.
INSTANTIATE_TEST_SUITE_P(Zip64From, StoredZip, ::testing::Values(0U, 32U, 0xFFFFFFFFU));

TEST_P(StoredZip, RoundTripsAligned) {
  const std::string bytes = sample(GetParam());
  const auto entries = read(bytes);
  ASSERT_TRUE(entries) << entries.error().to_line();
  ASSERT_EQ(entries->size(), 3U);
  EXPECT_EQ(text(entries->at("m/3").data), "one");
  EXPECT_EQ(entries->at("m/0").data.size(), 0U);
  for (const auto& [name, entry] : *entries) {
    const auto* const start = reinterpret_cast<const std::byte*>(bytes.data());
    EXPECT_EQ((entry.data.data() - start) % 64, 0) << name;
    EXPECT_TRUE(verify_checksum(entry, name, "m.bin"));
  }
}

TEST_P(StoredZip, EveryTruncationIsRefused) {
  const std::string bytes = sample(GetParam());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(read(bytes.substr(0, length))) << length;
  }
}

TEST_P(StoredZip, NoAlteredByteReachesOutsideTheFile) {
  const std::string bytes = sample(GetParam());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const int flip : {0x01, 0x80, 0xFF}) {
      std::string altered = bytes;
      altered[at] = static_cast<char>(altered[at] ^ flip);
      const auto entries = read(altered);
      if (!entries) continue;
      for (const auto& [name, entry] : *entries) {
        const auto begin = reinterpret_cast<const char*>(entry.data.data()) - altered.data();
        ASSERT_GE(begin, 0);
        ASSERT_LE(static_cast<std::size_t>(begin) + entry.data.size(), altered.size());
      }
    }
  }
}

TEST(StoredZip, NoticesAlteredData) {
  std::string bytes = sample();
  bytes[bytes.find("one")] = 'O';
  const auto entries = read(bytes);
  ASSERT_TRUE(entries);
  const auto verified = verify_checksum(entries->at("m/3"), "m/3", "m.bin");
  ASSERT_FALSE(verified);
  EXPECT_THAT(verified.error().to_line(), HasSubstr("m/3"));
}

TEST(StoredZip, AcceptsAComment) {
  std::string bytes = sample();
  bytes[bytes.size() - 2] = 5;
  EXPECT_TRUE(read(bytes + "hello"));
}

TEST(StoredZip, RefusesCompressedAndRepeatedEntries) {
  std::string bytes = sample();
  const std::size_t central = bytes.find("PK\x01\x02");
  bytes[central + 10] = 8;  // deflate
  EXPECT_EQ(read(bytes).error().code, ErrorCode::kUnsupported);
  bytes = sample();
  bytes[bytes.find("m/0", central) + 2] = '3';
  EXPECT_THAT(read(bytes).error().to_line(), HasSubstr("'m/3' is there twice"));
}

}  // namespace
}  // namespace epicrisis::detail
