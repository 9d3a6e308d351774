#include "data/predictions.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.hpp"

namespace epicrisis::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Predictions : public ::testing::Test {
 protected:
  Predictions() {
    for (const char* id : {"a", "b"}) {
      DatasetRow row;
      row.row = rows_.size() + 1;
      row.id = id;
      row.summary = "reference, with a comma";
      rows_.push_back(row);
    }
  }
  Result<std::vector<std::string>> read(const std::string& content, bool more_allowed = false) {
    EXPECT_TRUE(write_file_atomically(path(), content));
    return read_predictions(path(), rows_, more_allowed);
  }
  std::filesystem::path path() const { return folder_.path() / "predictions.csv"; }

  TemporaryDirectory folder_ = TemporaryDirectory::create().value();
  std::vector<DatasetRow> rows_;
};

TEST_F(Predictions, AreReadBackAsWritten) {
  const std::vector<std::string> predictions = {"", "two\nlines, \"quoted\""};
  ASSERT_TRUE(write_predictions(path(), rows_, predictions));
  EXPECT_EQ(read_file(path()).value(),
            "id,prediction,reference\r\n"
            "a,,\"reference, with a comma\"\r\n"
            "b,\"two\nlines, \"\"quoted\"\"\",\"reference, with a comma\"\r\n");
  EXPECT_EQ(read_predictions(path(), rows_).value(), predictions);
}

TEST_F(Predictions, NeedNoIdAndNoOtherColumn) {
  EXPECT_THAT(read("prediction\nx\ny\n").value(), ElementsAre("x", "y"));
  EXPECT_THAT(read("prediction\nx\ny\nz\n", true).value(), ElementsAre("x", "y"));
}

TEST_F(Predictions, ThatDoNotBelongToTheRowsAreRefused) {
  EXPECT_THAT(read("prediction\nx\n").error().to_line(), HasSubstr("fewer than 2 predictions"));
  EXPECT_THAT(read("prediction\nx\ny\nz\n").error().to_line(), HasSubstr("more than 2 predictions"));
  EXPECT_THAT(read("id,prediction\na,x\nc,y\n").error().to_line(),
              HasSubstr("row 2: its id is not that of row 2"));
  EXPECT_THAT(read("id,text\na,x\n").error().to_line(), HasSubstr("no column 'prediction'"));
}

}  // namespace
}  // namespace epicrisis::data
