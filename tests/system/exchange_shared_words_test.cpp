#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "support/fixtures.hpp"
#include "support/subprocess.hpp"

namespace epicrisis {
namespace {

using ::testing::HasSubstr;

class ExchangeSharedWords : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryDirectory::create();
    ASSERT_TRUE(folder);
    folder_.emplace(*std::move(folder));
  }
  testing::ProcessOutcome exchange(const std::string& seed, const std::string& csv) {
    const std::filesystem::path file = folder_->path() / "pairs.csv";
    EXPECT_TRUE(write_file_atomically(file, csv));
    return testing::run_process(
        {(testing::source_dir() / "scripts" / "exchange-shared-words").string(), seed, file.string()});
  }

 private:
  std::optional<TemporaryDirectory> folder_;
};

/// Rows whose summary is its note, with words enough to draw from.
std::string copied_rows() {
  std::string csv = "note,summary\r\n";
  for (const char* text : {"fever and morphine 12", "nausea and fever 345", "morphine and nausea 7.5",
                           "swelling and fever 91", "fracture and swelling 8", "fracture and swelling 66",
                           "morphine and fracture 104", "nausea and swelling 3"})
    csv += std::string(text) + "," + text + "\r\n";
  return csv;
}

TEST_F(ExchangeSharedWords, ChangesNoteAndSummaryAlike) {
  const testing::ProcessOutcome outcome = exchange("1", copied_rows());
  EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
  std::istringstream lines(outcome.output);
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "note,summary\r");
  int rows = 0, changed = 0;
  for (; std::getline(lines, line); ++rows) {
    const std::string note = line.substr(0, line.find(','));
    EXPECT_EQ(line, note + "," + note + "\r") << "what is copied stays a copy";
    EXPECT_THAT(note, HasSubstr(" and ")) << "short words stay";
    if (copied_rows().find(line) == std::string::npos) ++changed;
  }
  EXPECT_GT(rows, 3);
  EXPECT_GT(changed, 3);
}

TEST_F(ExchangeSharedWords, TheSeedSettlesTheRows) {
  EXPECT_EQ(exchange("7", copied_rows()).output, exchange("7", copied_rows()).output);
  EXPECT_NE(exchange("7", copied_rows()).output, exchange("8", copied_rows()).output);
}

TEST_F(ExchangeSharedWords, LeavesOutRowsThatShareNothing) {
  EXPECT_EQ(exchange("1", "note,summary\r\npain in the knee,hurts\r\n").output, "note,summary\r\n");
}

TEST_F(ExchangeSharedWords, DoesWithoutWordsToDrawFrom) {
  const testing::ProcessOutcome outcome = exchange("1", "note,summary\r\nfever at night,fever\r\n");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
}

TEST_F(ExchangeSharedWords, NamesTheColumnThatIsMissing) {
  const testing::ProcessOutcome outcome = exchange("1", "note,text\r\na,b\r\n");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.errors, HasSubstr("has no column 'summary'"));
}

}  // namespace
}  // namespace epicrisis
