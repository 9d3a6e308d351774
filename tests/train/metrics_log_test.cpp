// Event files, read here by code that shares nothing with what wrote them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <map>
#include <optional>

#include "base/files.hpp"
#include "train/metrics_log.hpp"

namespace epicrisis::train {
namespace {
namespace fs = std::filesystem;
using ::testing::ElementsAre;

/// CRC-32C a bit at a time, as RFC 3720 (appendix B.4) gives it.
std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78 : 0);
  }
  return ~crc;
}

std::uint32_t unmasked(std::uint32_t masked) {
  const std::uint32_t rotated = masked - 0xA282EAD8;
  return (rotated >> 17) | (rotated << 15);
}

template <class T>
T number_at(std::string_view bytes, std::size_t place) {
  T value{};
  std::memcpy(&value, bytes.data() + place, sizeof value);  // little-endian, as the machines we run on
  return value;
}

/// The records of a file whose checksums all agree; fails the test otherwise.
std::vector<std::string> records_of(const fs::path& path) {
  const std::string bytes = read_file(path).value();
  std::vector<std::string> records;
  for (std::size_t place = 0; place < bytes.size();) {
    const auto length = number_at<std::uint64_t>(bytes, place);
    EXPECT_EQ(unmasked(number_at<std::uint32_t>(bytes, place + 8)),
              crc32c(std::string_view(bytes).substr(place, 8)));
    records.push_back(bytes.substr(place + 12, length));
    EXPECT_EQ(records.back().size(), length) << "cut off";
    EXPECT_EQ(unmasked(number_at<std::uint32_t>(bytes, place + 12 + length)), crc32c(records.back()));
    place += 16 + length;
  }
  return records;
}

/// Fields of a Protocol Buffers message: numbers by field, and texts by field in their order.
struct Message {
  std::map<std::uint64_t, std::uint64_t> numbers;
  std::map<std::uint64_t, std::vector<std::string>> texts;
};

std::uint64_t take_varint(std::string_view bytes, std::size_t& place) {
  std::uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.at(place++));
    value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
}

Message parse(std::string_view bytes) {
  Message message;
  for (std::size_t place = 0; place < bytes.size();) {
    const std::uint64_t key = take_varint(bytes, place);
    if ((key & 7) == 0) {
      message.numbers[key >> 3] = take_varint(bytes, place);
    } else if ((key & 7) == 1) {
      message.numbers[key >> 3] = number_at<std::uint64_t>(bytes, place);
      place += 8;
    } else if ((key & 7) == 5) {
      message.numbers[key >> 3] = number_at<std::uint32_t>(bytes, place);
      place += 4;
    } else {
      const std::uint64_t length = take_varint(bytes, place);
      message.texts[key >> 3].emplace_back(bytes.substr(place, length));
      place += length;
    }
  }
  return message;
}

/// What a chart would show: value by tag and step.
std::map<std::string, std::map<std::uint64_t, float>> scalars_of(const fs::path& path) {
  std::map<std::string, std::map<std::uint64_t, float>> scalars;
  for (const std::string& record : records_of(path)) {
    const Message event = parse(record);
    if (!event.texts.contains(5)) continue;
    const Message summary = parse(event.texts.at(5).front());
    for (const std::string& bytes : summary.texts.at(1)) {
      const Message value = parse(bytes);
      scalars[value.texts.at(1).front()][event.numbers.at(2)] =
          std::bit_cast<float>(static_cast<std::uint32_t>(value.numbers.at(2)));
    }
  }
  return scalars;
}

std::vector<fs::path> event_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

TEST(EventFiles, TheReadersChecksumIsTheOneOfTheStandard) { EXPECT_EQ(crc32c("123456789"), 0xE3069283U); }

TEST(EventFiles, HoldTheNumbersOfTheMetricsUnderTransformersNames) {
  const auto folder = TemporaryDirectory::create();
  ASSERT_TRUE(folder.has_value());
  auto log = MetricsLog::open(folder->path(), folder->path() / "runs", 0);
  ASSERT_TRUE(log.has_value()) << log.error().to_line();
  ASSERT_TRUE(
      log->append({{"step", 25}, {"epoch", 0.5}, {"loss", 2.5}, {"learning_rate", 5e-4}}).has_value());
  ASSERT_TRUE(
      log->append({{"step", 300}, {"eval_loss", 1.25}, {"eval_rouge1", 41.5}, {"best", true}}).has_value());

  const std::vector<fs::path> files = event_files(folder->path() / "runs");
  ASSERT_EQ(files.size(), 1U);
  EXPECT_THAT(files.front().filename().string(), ::testing::StartsWith("events.out.tfevents."));
  const auto records = records_of(files.front());
  ASSERT_EQ(records.size(), 4U);
  EXPECT_THAT(parse(records[0]).texts.at(3), ElementsAre("brain.Event:2"));
  const double wall_time = std::bit_cast<double>(parse(records[0]).numbers.at(1));
  EXPECT_GT(wall_time, 1.7e9) << "seconds since 1970";
  const std::map<std::string, std::map<std::uint64_t, float>> expected = {
      {"train/epoch", {{25, 0.5F}}},
      {"train/loss", {{25, 2.5F}}},
      {"train/learning_rate", {{25, 5e-4F}}},
      {"eval/loss", {{300, 1.25F}}},
      {"eval/rouge1", {{300, 41.5F}}}};
  EXPECT_EQ(scalars_of(files.front()), expected);
}

TEST(EventFiles, AResumedRunVoidsTheStepsThatItTakesAgain) {
  const auto folder = TemporaryDirectory::create();
  ASSERT_TRUE(folder.has_value());
  const auto log_steps = [&](std::int64_t resumed_step, std::vector<std::int64_t> steps) {
    auto log = MetricsLog::open(folder->path(), folder->path() / "runs", resumed_step);
    ASSERT_TRUE(log.has_value());
    for (const std::int64_t step : steps) ASSERT_TRUE(log->append({{"step", step}, {"loss", 1}}).has_value());
  };
  log_steps(0, {1, 2, 3, 4, 5});
  log_steps(3, {4, 5, 6});

  const std::vector<fs::path> files = event_files(folder->path() / "runs");
  ASSERT_EQ(files.size(), 2U);
  const Message start = parse(records_of(files[1]).at(1));
  EXPECT_EQ(start.numbers.at(2), 4U) << "events of step 4 and later in older files are void";
  EXPECT_EQ(parse(start.texts.at(7).front()).numbers.at(1), 1U) << "SessionLog.START";
  EXPECT_THAT(scalars_of(files[1])["train/loss"],
              ElementsAre(::testing::Key(4), ::testing::Key(5), ::testing::Key(6)));
  EXPECT_EQ(read_metrics(folder->path() / "metrics.jsonl").value().size(), 6U);
}

TEST(EventFiles, AFolderThatCannotBeMadeIsNamed) {
  const auto log = MetricsLog::open(TemporaryDirectory::create()->path(), "/dev/null/runs", 0);
  ASSERT_FALSE(log.has_value());
  EXPECT_NE(log.error().to_line().find("/dev/null/runs"), std::string::npos);
}

}  // namespace
}  // namespace epicrisis::train
