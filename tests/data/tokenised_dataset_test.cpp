#include "data/tokenised_dataset.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "base/files.hpp"
#include "data/corpus_reader.hpp"
#include "support/fixtures.hpp"
#include "text/tokenizer.hpp"

namespace epicrisis::data {
namespace {

Tokenizer kept_tokenizer() {
  Result<Tokenizer> tokenizer =
      Tokenizer::load(epicrisis::testing::kept_fixtures_dir() / "pegasus" / "xsum-like");
  EPICRISIS_CHECK(tokenizer.has_value());
  return *std::move(tokenizer);
}

TEST(CorpusReader, BlankLinesPartDocuments) {
  const auto folder = TemporaryDirectory::create();
  ASSERT_TRUE(folder.has_value());
  const auto path = folder->path() / "corpus.txt";
  ASSERT_TRUE(write_file_atomically(path, "\nOne.\r\nTwo.\n \nThree.\n\n\nFour.").has_value());
  const auto documents = read_corpus(path);
  ASSERT_TRUE(documents.has_value()) << documents.error().to_line();
  EXPECT_EQ(*documents, (std::vector<std::string>{"One.\nTwo.", "Three.", "Four."}));
}

TEST(CorpusReader, RefusesWhatIsNoUtf8OrHoldsNoText) {
  const auto folder = TemporaryDirectory::create();
  ASSERT_TRUE(folder.has_value());
  const auto path = folder->path() / "corpus.txt";
  ASSERT_TRUE(write_file_atomically(path, "caf\xE9\n").has_value());
  EXPECT_EQ(read_corpus(path).error().code, ErrorCode::kCorrupt);
  ASSERT_TRUE(write_file_atomically(path, "\n\n").has_value());
  EXPECT_EQ(read_corpus(path).error().code, ErrorCode::kInvalidArgument);
}

TEST(GapSentenceDataset, WindowsEndAtSentencesAndFitTheLimit) {
  const Tokenizer tokenizer = kept_tokenizer();
  std::string document;
  for (int i = 0; i < 40; ++i) document += "The patient reports pain in the left knee. She takes no drugs. ";
  const std::vector<std::string> documents = {document, "A single sentence."};
  const auto dataset = GapSentenceDataset::build(documents, tokenizer, {64, 32}, {}, 1);
  ASSERT_TRUE(dataset.has_value()) << dataset.error().to_line();
  ASSERT_GT((*dataset)->size(), 5U);
  for (std::size_t i = 0; i < (*dataset)->size(); ++i) {
    const TrainingPair pair = (*dataset)->example(i, 0);
    EXPECT_LE(pair.source.size(), 64U);
    EXPECT_LE(pair.target.size(), 32U);
    EXPECT_GE(pair.target.size(), 2U);
  }
}

TEST(GapSentenceDataset, EpochsMaskDifferently) {
  const Tokenizer tokenizer = kept_tokenizer();
  std::string document;
  for (int i = 0; i < 12; ++i) document += "Visit " + std::to_string(i) + " was for knee pain. ";
  const auto dataset =
      GapSentenceDataset::build(std::vector<std::string>{document}, tokenizer, {256, 128}, {}, 1);
  ASSERT_TRUE(dataset.has_value());
  int different = 0;
  for (std::uint64_t epoch = 1; epoch < 6; ++epoch)
    if ((*dataset)->example(0, epoch).target != (*dataset)->example(0, 0).target) ++different;
  EXPECT_GT(different, 0);
  EXPECT_EQ((*dataset)->example(0, 3).source, (*dataset)->example(0, 3).source);
}

}  // namespace
}  // namespace epicrisis::data
