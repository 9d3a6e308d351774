#include "data/dataset_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "base/files.hpp"
#include "data/data_location.hpp"

namespace epicrisis::data {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Dataset : public ::testing::Test {
 protected:
  Result<std::vector<DatasetRow>> read(const std::string& name, const std::string& content,
                                       const DatasetOptions& options = {}) {
    EXPECT_TRUE(write_file_atomically(folder_.path() / name, content));
    return read_dataset(folder_.path() / name, options);
  }

  std::string gzip(const std::string& content) {
    const auto path = folder_.path() / "packed";
    gzFile file = gzopen(path.c_str(), "wb");
    EXPECT_EQ(gzwrite(file, content.data(), static_cast<unsigned>(content.size())),
              static_cast<int>(content.size()));
    EXPECT_EQ(gzclose(file), Z_OK);
    return read_file(path).value();
  }

  TemporaryDirectory folder_ = TemporaryDirectory::create().value();
};

const std::string kCsv = "id,note,summary,ward\r\nn1,Chest pain,Pain,A\r\n,Fall at home,Fall,\r\n";

TEST_F(Dataset, ReadsCsvColumnsByName) {
  DatasetOptions options;
  options.extra_columns = {"ward"};
  const auto rows = read("a.csv", kCsv, options);
  ASSERT_TRUE(rows) << rows.error().to_line();
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ((*rows)[0].id, "n1");
  EXPECT_EQ((*rows)[0].note, "Chest pain");
  EXPECT_EQ((*rows)[0].summary, "Pain");
  EXPECT_EQ((*rows)[0].extra.at("ward"), "A");
  EXPECT_EQ((*rows)[1].id, "2") << "the row number stands in for an empty id";
  EXPECT_EQ((*rows)[1].extra.at("ward"), "");
}

TEST_F(Dataset, JsonLinesGiveTheSameRowsAsCsv) {
  DatasetOptions options;
  options.extra_columns = {"ward"};
  const auto csv = read("a.csv", kCsv, options);
  const auto jsonl = read("a.jsonl",
                          "{\"id\":\"n1\",\"note\":\"Chest pain\",\"summary\":\"Pain\",\"ward\":\"A\"}\r\n\n"
                          "{\"note\":\"Fall at home\",\"summary\":\"Fall\",\"ward\":\"\"}",
                          options);
  ASSERT_TRUE(csv && jsonl) << jsonl.error().to_line();
  ASSERT_EQ(jsonl->size(), csv->size());
  for (std::size_t i = 0; i < csv->size(); ++i) {
    EXPECT_EQ((*jsonl)[i].row, (*csv)[i].row);
    EXPECT_EQ((*jsonl)[i].id, (*csv)[i].id);
    EXPECT_EQ((*jsonl)[i].note, (*csv)[i].note);
    EXPECT_EQ((*jsonl)[i].summary, (*csv)[i].summary);
    EXPECT_EQ((*jsonl)[i].extra, (*csv)[i].extra);
  }
}

TEST_F(Dataset, GzipIsDecompressedAndDamageIsFound) {
  const std::string packed = gzip(kCsv);
  ASSERT_TRUE(read("a.csv.gz", packed));
  const auto cut = read("b.csv.gz", packed.substr(0, packed.size() - 6));
  ASSERT_FALSE(cut);
  EXPECT_THAT(cut.error().to_line(), HasSubstr("damaged or incomplete gzip file"));
  std::string altered = packed;
  altered[altered.size() - 7] = static_cast<char>(altered[altered.size() - 7] ^ 0x10);  // the checksum
  EXPECT_FALSE(read("c.csv.gz", altered));
  EXPECT_TRUE(read("d.jsonl.gz", gzip("{\"note\":\"a\",\"summary\":\"b\"}\n")));
}

TEST_F(Dataset, OtherColumnNamesAndNoSummary) {
  DatasetOptions options;
  options.note_column = "text";
  EXPECT_THAT(read("a.csv", "text\nCanary\n", options).error().public_message,
              HasSubstr("no column 'summary'"));
  options.require_summary = false;
  const auto rows = read("a.csv", "text\nCanary\n", options);
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->front().note, "Canary");
  EXPECT_EQ(rows->front().summary, "");
}

TEST_F(Dataset, MaxRowsStopsReading) {
  DatasetOptions options;
  options.max_rows = 1;
  EXPECT_EQ(read("a.csv", kCsv + "broken \"row", options)->size(), 1U);
}

struct BadDataset {
  const char* name;
  const char* file;
  std::string content;
  std::string expected;
};

class DatasetFault : public Dataset, public ::testing::WithParamInterface<BadDataset> {};

TEST_P(DatasetFault, IsOneLineWithoutClinicalText) {
  const auto rows = read(GetParam().file, GetParam().content);
  ASSERT_FALSE(rows);
  EXPECT_EQ(exit_code(rows.error()), 2);
  EXPECT_THAT(rows.error().to_line(), HasSubstr(GetParam().file));
  EXPECT_THAT(rows.error().to_line(), HasSubstr(GetParam().expected));
  EXPECT_THAT(rows.error().to_line(), Not(HasSubstr("Canary")));
}

INSTANTIATE_TEST_SUITE_P(
    Files, DatasetFault,
    ::testing::Values(
        BadDataset{"missing_column", "a.csv", "id,summary\n1,Canary\n", "no column 'note'"},
        BadDataset{"no_header", "a.csv", "1,Canary fell,fall\n",
                   "no column 'note' in its header of 3 columns"},
        BadDataset{"no_rows", "a.csv", "id,note,summary\n", "holds no rows"},
        BadDataset{"empty_note", "a.csv", "note,summary\nCanary,x\n\" \n\",Canary\n",
                   "row 2: field 'note' is empty"},
        BadDataset{"empty_summary", "a.csv", "note,summary\nCanary,\n", "row 1: field 'summary' is empty"},
        BadDataset{"json_syntax", "a.jsonl", "{\"note\":\"Canary\",}\n", "row 1: not valid JSON (at byte"},
        BadDataset{"json_array", "a.jsonl", "[\"Canary\"]\n", "row 1: not a JSON object"},
        BadDataset{"json_type", "a.jsonl", "{\"note\":[\"Canary\"]}\n", "row 1: 'note' must be a string"},
        BadDataset{"json_member", "a.jsonl", "{\"note\":\"Canary\"}\n", "row 1: no member 'summary'"},
        BadDataset{"json_utf8", "a.jsonl", "{}\n{\"note\":\"Canary \xE9\"}\n", "row 1: no member 'note'"},
        BadDataset{"json_utf8_first", "a.jsonl", "{\"note\":\"Canary \xE9\"}\n", "row 1: not valid UTF-8"}),
    [](const auto& tested) { return std::string(tested.param.name); });

struct Location {
  const char* name;
  const char* text;
  const char* path;  ///< Null: refused.
};

class DataLocation : public ::testing::TestWithParam<Location> {};

TEST_P(DataLocation, IsALocalFileOrRefused) {
  const auto file = local_file(GetParam().text);
  ASSERT_EQ(file.has_value(), GetParam().path != nullptr);
  if (file) {
    EXPECT_EQ(file->string(), GetParam().path);
    return;
  }
  EXPECT_EQ(exit_code(file.error()), 2);
  EXPECT_THAT(file.error().public_message, HasSubstr(GetParam().text));
}

INSTANTIATE_TEST_SUITE_P(Uris, DataLocation,
                         ::testing::Values(Location{"relative", "notes/a.csv", "notes/a.csv"},
                                           Location{"colon", "a:b.csv", "a:b.csv"},
                                           Location{"odd_scheme", "://a", "://a"},
                                           Location{"file", "file:///data/a%20b.csv", "/data/a b.csv"},
                                           Location{"localhost", "FILE://localhost/a.csv", "/a.csv"},
                                           Location{"other_host", "file://server/a.csv", nullptr},
                                           Location{"bad_percent", "file:///a%2", nullptr},
                                           Location{"nul", "file:///a%00b", nullptr},
                                           Location{"http", "https://host/a.csv", nullptr},
                                           Location{"no_store", "s3://bucket/a.csv", nullptr}),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(DataLocation, ObjectsAreFetchedByBucketAndKey) {
  ObjectName asked;
  const auto fetch = [&](const ObjectName& object) -> Result<std::filesystem::path> {
    asked = object;
    return std::filesystem::path("/tmp/notes.csv.gz");
  };
  EXPECT_EQ(local_file("s3://ward-7/2024/notes.csv.gz", fetch).value(), "/tmp/notes.csv.gz");
  EXPECT_EQ(asked.bucket, "ward-7");
  EXPECT_EQ(asked.key, "2024/notes.csv.gz");
  for (const char* bad : {"s3://bucket", "s3://bucket/", "s3:///key", "s3://bucket/folder/"})
    EXPECT_EQ(local_file(bad, fetch).error().code, ErrorCode::kInvalidArgument) << bad;
}

}  // namespace
}  // namespace epicrisis::data
