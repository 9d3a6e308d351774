#include "data/csv_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.hpp"

namespace epicrisis::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Rows = std::vector<std::vector<std::string>>;

class CsvReading : public ::testing::Test {
 protected:
  /// Header first, then every record; or the first Error.
  Result<Rows> read(const std::string& content) {
    const auto path = folder_.path() / "notes.csv";
    EXPECT_TRUE(write_file_atomically(path, content));
    EPICRISIS_ASSIGN_OR_RETURN(CsvReader reader, CsvReader::open(path));
    Rows rows = {reader.header()};
    while (true) {
      EPICRISIS_ASSIGN_OR_RETURN(std::optional<CsvRow> row, reader.next());
      if (!row) return rows;
      EXPECT_EQ(row->number, rows.size());
      rows.push_back(std::move(row->fields));
    }
  }

  TemporaryDirectory folder_ = TemporaryDirectory::create().value();
};

TEST_F(CsvReading, ReadsQuotedFieldsWithCommasQuotesAndLineBreaks) {
  const auto rows = read("id,note\r\n1,\"a, \"\"b\"\"\nc\r\nd\"\r\n2, plain \r\n");
  ASSERT_TRUE(rows) << rows.error().to_line();
  EXPECT_THAT(*rows, ElementsAre(ElementsAre("id", "note"), ElementsAre("1", "a, \"b\"\nc\r\nd"),
                                 ElementsAre("2", " plain ")));
}

TEST_F(CsvReading, AcceptsAByteOrderMarkLineFeedsBlankLinesAndNoLastLineEnd) {
  const auto rows = read("\xEF\xBB\xBFid,note\n\n1,a\n\n\n2,");
  ASSERT_TRUE(rows) << rows.error().to_line();
  EXPECT_THAT(*rows, ElementsAre(ElementsAre("id", "note"), ElementsAre("1", "a"), ElementsAre("2", "")));
}

TEST_F(CsvReading, FieldsAndMultibyteCharactersCrossBlockBorders) {
  // Blocks are 64 KiB: an odd prefix puts a two-byte character across every border.
  std::string long_field = "x";
  for (int i = 0; i < 100'000; ++i) long_field += "\u00B5";
  const auto rows = read("a,b\n1,\"" + long_field + "\"\n2,z\n");
  ASSERT_TRUE(rows) << rows.error().to_line();
  ASSERT_EQ(rows->size(), 3U);
  EXPECT_EQ((*rows)[1][1], long_field);
}

struct BadCsv {
  const char* name;
  std::string content;
  std::string expected;
};

class CsvFault : public CsvReading, public ::testing::WithParamInterface<BadCsv> {};

TEST_P(CsvFault, IsOneLineWithFileRowAndField) {
  const auto rows = read(GetParam().content);
  ASSERT_FALSE(rows);
  EXPECT_EQ(exit_code(rows.error()), 2);
  const std::string line = rows.error().to_line();
  EXPECT_THAT(line, HasSubstr("notes.csv'"));
  EXPECT_THAT(line, HasSubstr(GetParam().expected));
  EXPECT_THAT(line, Not(HasSubstr("Canary"))) << "clinical text in an error";
}

using namespace std::string_literals;
INSTANTIATE_TEST_SUITE_P(
    Files, CsvFault,
    ::testing::Values(
        BadCsv{"empty", "", "is empty"},  //
        BadCsv{"only_a_mark", "\xEF\xBB\xBF", "is empty"},
        BadCsv{"unclosed_quote", "id,note\n1,ok\n2,\"Canary\n3,x\n",
               "row 2, field 2: the field's opening quote"},
        BadCsv{"unclosed_quote_met_by_the_next", "id,note\n1,\"Canary\n2,\"y\"\n",
               "row 1, field 2: a quote is misplaced"},
        BadCsv{"quote_in_a_plain_field", "id,note\n1,Canary \"x\"\n", "row 1, field 2: a quote is misplaced"},
        BadCsv{"text_after_a_quote", "id,note\n1,\"Canary\" x\n", "row 1, field 2: a quote is misplaced"},
        BadCsv{"too_few_fields", "id,note\n1,ok\nCanary\n", "row 2: 1 field where the header has 2"},
        BadCsv{"too_many_fields", "id,note\n1,Canary, fell\n", "row 1: 3 fields where the header has 2"},
        BadCsv{"nul", "id,note\n1,Canary\0x\n"s, "row 1, field 2: a NUL byte"},
        BadCsv{"windows_1252", "id,note\n1,Canary \x93quoted\x94\n", "Windows-1252"},
        BadCsv{"invalid_utf8_offset", "id,note\n1,Canary \xE9t\n", "row 1, field 2: not valid UTF-8"},
        BadCsv{"invalid_utf8_byte", "id,note\n1,ab\xE9t\n", "at byte 12"},
        BadCsv{"cut_character", "id,note\n1,Canary \xC2", "row 1, field 2: not valid UTF-8"},
        BadCsv{"utf16", "\xFF\xFEi\0d\0"s, "header, field 1: not valid UTF-8; a file that starts so"},
        BadCsv{"earlier_row_first", "id,note\nCanary\n2,\"x", "row 1: 1 field"}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST_F(CsvReading, ColumnsAreFoundByNameAndTheHeaderIsNotQuoted) {
  const auto path = folder_.path() / "notes.csv";
  ASSERT_TRUE(write_file_atomically(path, "id,Canary,note,note\n"));
  const auto reader = CsvReader::open(path);
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->column("id").value(), 0U);
  EXPECT_THAT(reader->column("summary").error().public_message,
              HasSubstr("has no column 'summary' in its header of 4 columns"));
  EXPECT_THAT(reader->column("note").error().public_message, HasSubstr("more than one column 'note'"));
  EXPECT_THAT(reader->column("summary").error().to_line(), Not(HasSubstr("Canary")));
}

TEST_F(CsvReading, AMissingFileAndAFolderAreClear) {
  EXPECT_EQ(CsvReader::open(folder_.path() / "none.csv").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(CsvReader::open(folder_.path()).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace epicrisis::data
