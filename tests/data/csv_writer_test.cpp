#include "data/csv_writer.hpp"

#include <gtest/gtest.h>

#include <random>

#include "data/csv_reader.hpp"

namespace epicrisis::data {
namespace {

TEST(CsvField, QuotesOnlyWhatNeedsIt) {
  EXPECT_EQ(csv_field("plain text"), "plain text");
  EXPECT_EQ(csv_field(""), "");
  EXPECT_EQ(csv_field("a,b"), "\"a,b\"");
  EXPECT_EQ(csv_field("5\" nail"), "\"5\"\" nail\"");
  EXPECT_EQ(csv_field("a\nb"), "\"a\nb\"");
  EXPECT_EQ(csv_field(" a"), "\" a\"");
}

TEST(CsvWriter, WhatItWritesIsReadBackUnchanged) {
  const auto folder = TemporaryDirectory::create();
  ASSERT_TRUE(folder);
  const auto path = folder->path() / "out.csv";
  constexpr unsigned kSeed = 7;
  std::mt19937 random(kSeed);
  const std::vector<std::string> pieces = {"a", ",", "\"", "\n", "\r\n", " ", "\u00B5", "\r", "0.5 mg"};
  const std::vector<std::string> header = {"id", "note, free text"};
  std::vector<std::vector<std::string>> records(500);
  auto writer = CsvWriter::create(path, header);
  ASSERT_TRUE(writer);
  for (auto& record : records) {
    record.resize(2);
    for (std::string& field : record) {
      for (unsigned n = random() % 8; n > 0; --n) field += pieces[random() % pieces.size()];
    }
    ASSERT_TRUE(writer->write(record));
  }
  EXPECT_FALSE(std::filesystem::exists(path)) << "appears on commit only";
  ASSERT_TRUE(writer->commit());

  auto reader = CsvReader::open(path);
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->header(), header);
  for (const auto& record : records) {
    auto row = reader->next();
    ASSERT_TRUE(row && *row);
    EXPECT_EQ((*row)->fields, record) << "seed " << kSeed << ", row " << (*row)->number;
  }
  EXPECT_FALSE(reader->next().value().has_value());
}

}  // namespace
}  // namespace epicrisis::data
