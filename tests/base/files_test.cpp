#include "base/files.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <iterator>

namespace epicrisis {
namespace {

namespace fs = std::filesystem;

std::size_t entries_in(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(Files, WritesAtomicallyAndReadsBack) {
  const auto folder = TemporaryDirectory::create();
  ASSERT_TRUE(folder);
  const fs::path path = folder->path() / "a.txt";
  ASSERT_TRUE(write_file_atomically(path, "one"));
  ASSERT_TRUE(write_file_atomically(path, "two"));
  EXPECT_EQ(read_file(path).value(), "two");
  EXPECT_EQ(entries_in(folder->path()), 1U) << "nothing is left beside the file";
}

TEST(Files, AnUncommittedFileLeavesTheOldOne) {
  const auto folder = TemporaryDirectory::create();
  const fs::path path = folder->path() / "a.txt";
  ASSERT_TRUE(write_file_atomically(path, "old"));
  {
    auto file = AtomicFile::create(path);
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->write("half of the new con"));
  }
  EXPECT_EQ(read_file(path).value(), "old");
  EXPECT_EQ(entries_in(folder->path()), 1U);
}

TEST(Files, AFullDiskIsOneClearError) {
  EXPECT_EQ(system_error(ENOSPC, "write", "out.csv").to_line(),
            "Cannot write 'out.csv': No space left on device. Free some space and run the command again.");
}

TEST(Files, ADeviceIsWrittenToAndNotReplaced) {
  auto file = AtomicFile::create("/dev/full");
  ASSERT_TRUE(file) << file.error().to_line();
  const auto written = file->write("content");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kResourceExhausted);
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
  EXPECT_TRUE(write_file_atomically("/dev/null", "content"));
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST(Files, OfALinkTheFileItNamesChanges) {
  auto folder = TemporaryDirectory::create();
  ASSERT_TRUE(folder);
  const fs::path path = folder->path() / "file", link = folder->path() / "link";
  ASSERT_TRUE(write_file_atomically(path, "old"));
  fs::create_symlink("file", link);
  ASSERT_TRUE(write_file_atomically(link, "new"));
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(*read_file(path, 100), "new");
}

TEST(Files, MissingFileIsNotFound) {
  const auto content = read_file("/no/such/file");
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().code, ErrorCode::kNotFound);
}

TEST(Files, AFolderIsNoRegularFile) {
  const auto content = read_file("/tmp");
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().code, ErrorCode::kInvalidArgument);
}

TEST(Files, ReadsAtMostTheLimit) {
  const auto folder = TemporaryDirectory::create();
  const fs::path path = folder->path() / "a.txt";
  ASSERT_TRUE(write_file_atomically(path, "12345"));
  EXPECT_TRUE(read_file(path, 5));
  EXPECT_EQ(read_file(path, 4).error().code, ErrorCode::kResourceExhausted);
}

TEST(Files, MapsAFile) {
  const auto folder = TemporaryDirectory::create();
  const fs::path path = folder->path() / "a.bin";
  ASSERT_TRUE(write_file_atomically(path, "xyz"));
  const auto mapped = MappedFile::open(path);
  ASSERT_TRUE(mapped);
  ASSERT_EQ(mapped->bytes().size(), 3U);
  EXPECT_EQ(static_cast<char>(mapped->bytes()[2]), 'z');
}

TEST(Files, MapsAnEmptyFile) {
  const auto folder = TemporaryDirectory::create();
  const fs::path path = folder->path() / "empty";
  ASSERT_TRUE(write_file_atomically(path, ""));
  const auto mapped = MappedFile::open(path);
  ASSERT_TRUE(mapped);
  EXPECT_TRUE(mapped->bytes().empty());
}

TEST(StagedDirectory, AppearsWholeOrNotAtAll) {
  const auto folder = TemporaryDirectory::create();
  const fs::path target = folder->path() / "model";
  {
    auto staged = StagedDirectory::create(target);
    ASSERT_TRUE(staged);
    ASSERT_TRUE(write_file_atomically(staged->path() / "config.json", "{}"));
    EXPECT_FALSE(fs::exists(target));
  }
  EXPECT_EQ(entries_in(folder->path()), 0U) << "dropped without commit";
  auto staged = StagedDirectory::create(target);
  ASSERT_TRUE(write_file_atomically(staged->path() / "config.json", "{}"));
  ASSERT_TRUE(staged->commit());
  EXPECT_TRUE(fs::exists(target / "config.json"));
}

TEST(StagedDirectory, RefusesToReplaceUnlessTold) {
  const auto folder = TemporaryDirectory::create();
  const fs::path target = folder->path() / "model";
  fs::create_directory(target);
  ASSERT_TRUE(write_file_atomically(target / "old", ""));
  EXPECT_EQ(StagedDirectory::create(target).error().code, ErrorCode::kConflict);
  {
    auto staged = StagedDirectory::create(target, true);
    ASSERT_TRUE(staged);
    ASSERT_TRUE(write_file_atomically(staged->path() / "new", ""));
    ASSERT_TRUE(staged->commit());
  }
  EXPECT_TRUE(fs::exists(target / "new"));
  EXPECT_FALSE(fs::exists(target / "old"));
  EXPECT_EQ(entries_in(folder->path()), 1U);
}

}  // namespace
}  // namespace epicrisis
