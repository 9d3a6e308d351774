#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "data/dataset_reader.hpp"
#include "data/pair_encoder.hpp"
#include "data/prepared_dataset.hpp"

namespace epicrisis::data {

/// A file of rows.
struct DataFile {
  std::filesystem::path path;
  std::string name;  ///< For messages and lists of rows.
};

/// What to tokenize, and how.
struct DataRequest {
  std::vector<DataFile> train_files;
  std::vector<DataFile> validation_files;
  DatasetOptions columns;            ///< Names; max_rows is not read.
  double validation_percentage = 0;  ///< Without validation files: take so many of the training rows.
  std::uint64_t split_seed = 42;
  std::size_t max_train_rows = 0;  ///< 0: all.
  std::size_t max_validation_rows = 0;
  LengthLimits limits;
  PairFormat format;
  std::string tokenizer_sha256;  ///< See tokenizer_sha256().
};

using WarningSink = std::function<void(std::string_view)>;

/// Tokenizes the rows that `request` names into a folder of `cache_dir` that is named after their content, or
/// opens it where it exists; a damaged one is told to `warn` and made again. Rows are read one block at a
/// time. Rows that cannot be used are left out and listed in the folder's skipped_rows.csv, repeated ones in
/// duplicate_rows.csv. Errors: what reading and writing report, kInvalidArgument when a split has no row
/// left.
Result<PreparedDataset> prepare_dataset(const DataRequest& request, const Tokenizer& tokenizer,
                                        const std::filesystem::path& cache_dir, const WarningSink& warn);

/// SHA-256 over the files in `folder` that make a tokenizer. Errors: kNotFound when there is none.
Result<std::string> tokenizer_sha256(const std::filesystem::path& folder);

}  // namespace epicrisis::data
