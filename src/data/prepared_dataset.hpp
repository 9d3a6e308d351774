#pragma once

#include <filesystem>
#include <memory>

#include "base/json.hpp"
#include "base/result.hpp"
#include "data/prepared_split.hpp"

namespace epicrisis::data {

/// The format of prepared data: raised when its files, or the way they are made, change.
constexpr int kPreparedFormat = 1;

/// Training and validation split, tokenized once into a folder (docs/formats/prepared-data.md) and mapped
/// from there. Opening one needs no tokenizer.
struct PreparedDataset {
  /// Opens what prepare_dataset() left. Errors: kNotFound, kCorrupt, kUnsupported for another format.
  static Result<PreparedDataset> open(const std::filesystem::path& folder);
  /// The splits that `description` names, out of `folder`.
  Result<void> open_splits();

  std::filesystem::path folder;
  Json description;  ///< dataset.json: key, settings, vocab_size, splits, statistics.
  std::unique_ptr<PreparedSplit> train;
  std::unique_ptr<PreparedSplit> validation;  ///< Null when there is none.
};

}  // namespace epicrisis::data
