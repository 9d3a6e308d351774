#include "checkpoint/archive.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "checkpoint/archive_names.hpp"
#include "support/fixtures.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

/// One member of a tar as POSIX.1-1988 (ustar) lays it out, whatever it asks for.
std::string ustar(const std::string& name, const std::string& content, char type = '0',
                  const std::string& link = "") {
  std::string header(512, '\0');
  const auto put = [&](std::size_t at, const std::string& text) { header.replace(at, text.size(), text); };
  put(0, name);
  put(100, "0004755");  // set-user-id: extraction must not keep it
  put(108, "0000000");
  put(116, "0000000");
  put(124, fmt::format("{:011o}", content.size()));
  put(136, "00000000000");
  put(148, "        ");
  header[156] = type;
  put(157, link);
  put(257, std::string("ustar\0", 6) + "00");
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put(148, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
  return header + content + std::string((512 - content.size() % 512) % 512, '\0');
}

std::string gzip(const std::string& content) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, content.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

class Archive : public ::testing::Test {
 protected:
  fs::path write(const std::string& bytes) {
    const fs::path path = folder_.path() / "model.tar.gz";
    write_file_atomically(path, bytes).value();
    return path;
  }
  fs::path write_tar(const std::string& members) { return write(gzip(members + std::string(1024, '\0'))); }
  fs::path target() const { return folder_.path() / "below" / "target"; }
  /// Nothing but the archive itself may be left, inside the target or out of it.
  void expect_nothing_left() const {
    EXPECT_FALSE(fs::exists(target()));
    std::size_t files = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
      files += entry.is_directory() ? 0 : 1;
      EXPECT_FALSE(entry.is_directory() && entry.path().filename() != "below") << entry.path();
    }
    EXPECT_LE(files, 1U);
  }

  TemporaryDirectory folder_ = TemporaryDirectory::create().value();
};

Result<std::string> tar_gz_of(std::vector<ArchiveMember> members) {
  std::string bytes;
  EPICRISIS_RETURN_IF_ERROR(write_tar_gz(std::move(members), [&](std::span<const std::byte> piece) {
    bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    return Result<void>();
  }));
  return bytes;
}

TEST_F(Archive, RoundTripsAFolder) {
  const fs::path model = testing::kept_fixtures_dir() / "pegasus/xsum-like";
  const auto members = list_members(model);
  ASSERT_TRUE(members);
  const auto bytes = tar_gz_of(*members);
  ASSERT_TRUE(bytes) << bytes.error().to_line();
  const auto unpacked = unpack_tar_gz(write(*bytes), target());
  ASSERT_TRUE(unpacked) << unpacked.error().to_line();
  const auto again = list_members(target());
  ASSERT_TRUE(again);
  ASSERT_EQ(again->size(), members->size());
  for (std::size_t i = 0; i < members->size(); ++i) {
    EXPECT_EQ((*again)[i].name, (*members)[i].name);
    EXPECT_TRUE(*read_file((*again)[i].source) == *read_file((*members)[i].source)) << (*again)[i].name;
  }
}

TEST_F(Archive, SameMembersGiveSameBytesInAnyOrderAtAnyTime) {
  const fs::path a = folder_.path() / "a";
  const fs::path b = folder_.path() / "b";
  write_file_atomically(a, "one").value();
  write_file_atomically(b, std::string(100'000, 'x')).value();
  const auto first = tar_gz_of({{"a", a}, {"sub/b", b}});
  fs::last_write_time(a, fs::file_time_type::clock::now() - std::chrono::hours(1000));
  fs::permissions(b, fs::perms::owner_all);
  const auto second = tar_gz_of({{"sub/b", b}, {"a", a}});
  ASSERT_TRUE(first && second);
  EXPECT_TRUE(*first == *second);
  EXPECT_EQ(first->substr(0, 4), (std::string("\x1f\x8b\x08\0", 4)));  // no name
  EXPECT_EQ(first->substr(4, 4), std::string(4, '\0'));                // no time
}

TEST_F(Archive, RefusesToWriteNamesItWouldNotRead) {
  const fs::path a = folder_.path() / "a";
  write_file_atomically(a, "one").value();
  EXPECT_FALSE(tar_gz_of({{"../a", a}}));
  EXPECT_FALSE(tar_gz_of({{"/a", a}}));
  EXPECT_FALSE(tar_gz_of({{"a", a}, {"a", a}}));
  EXPECT_FALSE(tar_gz_of({{"b", folder_.path() / "missing"}}));
}

TEST_F(Archive, ReportsTheErrorOfItsSink) {
  const fs::path a = folder_.path() / "a";
  write_file_atomically(a, "one").value();
  const auto written = write_tar_gz({{"a", a}}, [](std::span<const std::byte>) -> Result<void> {
    return Error{ErrorCode::kResourceExhausted, "full", ""};
  });
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().public_message, "full");
}

TEST_F(Archive, AcceptsLeadingDotsAndFolders) {
  const fs::path path =
      write_tar(ustar("./", "", '5') + ustar("./sub/", "", '5') + ustar("./sub/a", "A") + ustar("b//c", "B"));
  const auto unpacked = unpack_tar_gz(path, target());
  ASSERT_TRUE(unpacked) << unpacked.error().to_line();
  EXPECT_EQ(*read_file(target() / "sub" / "a"), "A");
  EXPECT_EQ(*read_file(target() / "b" / "c"), "B");
  EXPECT_EQ(fs::status(target() / "sub" / "a").permissions() &
                (fs::perms::set_uid | fs::perms::owner_exec | fs::perms::others_write),
            fs::perms::none);
}

struct HostileCase {
  const char* name;
  std::string members;
  std::string says;
};
std::ostream& operator<<(std::ostream& out, const HostileCase& c) { return out << c.name; }
class HostileArchive : public Archive, public ::testing::WithParamInterface<HostileCase> {};

INSTANTIATE_TEST_SUITE_P(
    Members, HostileArchive,
    ::testing::Values(
        HostileCase{"absolute", ustar("/etc/passwd", "x"), "/etc/passwd"},
        HostileCase{"climbing", ustar("../evil", "x"), "../evil"},
        HostileCase{"climbing_inside", ustar("a/../../evil", "x"), "a/../../evil"},
        HostileCase{"climbing_at_end", ustar("a/..", "", '5'), "a/.."},
        HostileCase{"symlink", ustar("link", "", '2', "/etc"), "'link' is a link"},
        HostileCase{"through_symlink", ustar("d", "", '2', "/tmp") + ustar("d/evil", "x"), "'d' is a link"},
        HostileCase{"hardlink", ustar("a", "x") + ustar("b", "", '1', "a"), "'b' is a link"},
        HostileCase{"character_device", ustar("dev", "", '3'), "'dev' is a link or a device"},
        HostileCase{"pipe", ustar("pipe", "", '6'), "'pipe' is a link or a device"},
        HostileCase{"twice", ustar("a", "x") + ustar("./a", "y"), "there twice"},
        HostileCase{"file_then_folder", ustar("a", "x") + ustar("a/b", "y"), "both a file and a folder"},
        HostileCase{"folder_then_file", ustar("a/b", "x") + ustar("a", "y"), "both a file and a folder"},
        HostileCase{"escape_codes", ustar("a\x1b[2J", "x"), "a\\x1b[2J"},
        HostileCase{"backslash", ustar("..\\evil", "x"), "..\\evil"}, HostileCase{"nothing", "", "no files"},
        HostileCase{"only_folder", ustar("a/", "", '5'), "no files"},
        HostileCase{"no_tar", std::string(2000, 'q'), "not an archive"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST_P(HostileArchive, IsRefusedAndLeavesNothing) {
  const auto unpacked = unpack_tar_gz(write_tar(GetParam().members), target());
  ASSERT_FALSE(unpacked);
  EXPECT_EQ(unpacked.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(unpacked.error().to_line(), HasSubstr(GetParam().says));
  EXPECT_EQ(unpacked.error().to_line().find_first_of("\n\x1b"), std::string::npos);
  expect_nothing_left();
}

TEST_F(Archive, RefusesBombs) {
  ExtractLimits limits;
  limits.free_bytes = 1000;
  const auto bomb = unpack_tar_gz(write_tar(ustar("zeros", std::string(10 << 20, '\0'))), target(), limits);
  ASSERT_FALSE(bomb);
  EXPECT_EQ(bomb.error().code, ErrorCode::kResourceExhausted);
  expect_nothing_left();
  // Zeros behind the last member cost as much to read.
  const auto tail = unpack_tar_gz(write_tar(ustar("a", "x") + std::string(10 << 20, '\0')), target(), limits);
  ASSERT_FALSE(tail);
  EXPECT_EQ(tail.error().code, ErrorCode::kResourceExhausted);
  limits = {};
  limits.max_total_bytes = 2000;
  EXPECT_FALSE(unpack_tar_gz(write_tar(ustar("a", std::string(3000, 'x'))), target(), limits));
  limits = {};
  limits.max_members = 2;
  EXPECT_FALSE(unpack_tar_gz(write_tar(ustar("a", "") + ustar("b", "") + ustar("c", "")), target(), limits));
  expect_nothing_left();
}

TEST_F(Archive, EveryTruncationAndEveryFlippedBitOfTheContentIsNoticed) {
  const std::string whole = gzip(ustar("a", "some weights") + std::string(1024, '\0'));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(unpack_tar_gz(write(whole.substr(0, length)), target())) << length;
  }
  expect_nothing_left();
  int harmless = 0;
  constexpr std::size_t kHeaderBytes = 10;  // its time and system may change without harm
  for (std::size_t at = kHeaderBytes; at < whole.size(); ++at) {
    std::string altered = whole;
    altered[at] = static_cast<char>(altered[at] ^ 0x10);
    const fs::path altered_target = folder_.path() / fmt::format("altered{}", at);
    // Bits that fill up deflate's last byte mean nothing; no other change may go unnoticed.
    if (unpack_tar_gz(write(altered), altered_target)) {
      EXPECT_EQ(*read_file(altered_target / "a"), "some weights") << at;
      ++harmless;
    }
  }
  EXPECT_LE(harmless, 1);
}

TEST_F(Archive, AcceptsMembersOfGzipInARowAndZerosBehindThem) {
  const std::string tar = ustar("a", "x") + ustar("b", "y") + std::string(1024, '\0');
  const std::string bytes = gzip(tar.substr(0, 700)) + gzip(tar.substr(700)) + std::string(512, '\0');
  const auto unpacked = unpack_tar_gz(write(bytes), target());
  ASSERT_TRUE(unpacked) << unpacked.error().to_line();
  EXPECT_EQ(*read_file(target() / "b"), "y");
}

TEST_F(Archive, DoesNotTouchAFolderThatHoldsSomething) {
  const fs::path path = write_tar(ustar("a", "x"));
  fs::create_directories(target());
  write_file_atomically(target() / "mine", "keep").value();
  const auto unpacked = unpack_tar_gz(path, target());
  ASSERT_FALSE(unpacked);
  EXPECT_EQ(unpacked.error().code, ErrorCode::kConflict);
  EXPECT_EQ(*read_file(target() / "mine"), "keep");
}

TEST(SafeMemberName, NormalisesOrRefuses) {
  EXPECT_EQ(safe_member_name("./a//b/./c"), "a/b/c");
  EXPECT_EQ(safe_member_name("./"), "");
  EXPECT_EQ(safe_member_name("..a/b.."), "..a/b..");
  EXPECT_EQ(safe_member_name(""), std::nullopt);
  EXPECT_EQ(safe_member_name("a\nb"), std::nullopt);
  EXPECT_EQ(safe_member_name(std::string(2000, 'a')), std::nullopt);
}

}  // namespace
}  // namespace epicrisis
