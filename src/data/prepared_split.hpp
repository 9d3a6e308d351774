#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/files.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "data/tokenised_dataset.hpp"

namespace epicrisis::data {

/// One example of a prepared split, as `<split>.rows` holds it: little-endian, 64 bytes each
/// (docs/formats/prepared-data.md).
struct PreparedRow {
  std::uint64_t first_token = 0;      ///< Index in <split>.tokens of the source; the target follows it.
  std::uint64_t first_text_byte = 0;  ///< Offset in <split>.texts of the summary.
  std::uint64_t row = 0;              ///< Record number in its file, 1 for the first.
  std::uint64_t note_hash = 0;        ///< Of the text without outer blanks; equal texts have equal hashes.
  std::uint64_t summary_hash = 0;
  std::uint32_t source_tokens = 0;
  std::uint32_t target_tokens = 0;
  std::uint32_t dropped_source_tokens = 0;  ///< Did not fit.
  std::uint32_t dropped_target_tokens = 0;
  std::uint32_t text_bytes = 0;
  std::uint32_t file = 0;  ///< Index in the split's list of files.
};
static_assert(sizeof(PreparedRow) == 64);

/// A split that was tokenized before, mapped from its files: nothing is held in memory. Thread-safe.
class PreparedSplit final : public TokenisedDataset {
 public:
  /// Opens `folder`/`name`.{rows,tokens,texts}. entry: what SplitWriter::finish() gave. Lengths, checksums,
  /// the places that rows name and the token ids are checked, so that nothing later can read outside.
  /// Errors: kCorrupt saying what disagrees, kNotFound.
  static Result<std::unique_ptr<PreparedSplit>> open(const std::filesystem::path& folder,
                                                     const std::string& name, const Json& entry,
                                                     std::size_t vocab_size);

  std::size_t size() const noexcept override { return rows_.size(); }
  std::size_t length(std::size_t index) const noexcept override {
    return std::size_t{rows_[index].source_tokens} + rows_[index].target_tokens;
  }
  TrainingPair example(std::size_t index, std::uint64_t epoch) const override;
  /// "train.csv row 12".
  std::string place(std::size_t index) const override;
  /// What place() calls the files that rows number.
  void name_files(std::vector<std::string> names) { file_names_ = std::move(names); }
  const PreparedRow& row(std::size_t index) const noexcept { return rows_[index]; }
  /// The summary as in the data set: clinical text. Valid as long as the split.
  std::string_view summary(std::size_t index) const noexcept {
    return texts_.substr(rows_[index].first_text_byte, rows_[index].text_bytes);
  }

 private:
  PreparedSplit(MappedFile rows, MappedFile tokens, MappedFile texts);
  Result<void> check(const std::filesystem::path& folder, const std::string& name, std::size_t vocab_size);

  std::vector<std::string> file_names_;
  MappedFile rows_file_, tokens_file_, texts_file_;
  std::span<const PreparedRow> rows_;
  std::span<const TokenId> tokens_;
  std::string_view texts_;
};

}  // namespace epicrisis::data
