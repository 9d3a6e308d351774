#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "data/csv_writer.hpp"
#include "data/detail/split_writer.hpp"
#include "data/detail/validation_choice.hpp"
#include "data/prepare_dataset.hpp"
#include "data/row_reader.hpp"

namespace epicrisis::data::detail {

/// Fills an empty folder with a prepared data set. What is passed in must outlive it. Not thread-safe.
class Preparation {
 public:
  static Result<Preparation> create(const DataRequest& request, const Tokenizer& tokenizer,
                                    std::filesystem::path folder);
  /// Reads, tokenizes and writes everything. Returns the value of "splits" in dataset.json.
  Result<Json> run();

 private:
  enum Side { kTrain, kValidation };
  static constexpr std::array<const char*, 2> kNames = {"train", "validation"};

  /// One split as it grows.
  struct Target {
    SplitWriter writer;
    std::size_t most_rows = 0;  ///< 0: no limit.
    std::uint64_t skipped = 0;
    Json first_skipped = Json::array();
    bool is_full() const { return most_rows > 0 && writer.rows() >= most_rows; }
  };
  /// A row read and not yet tokenized.
  struct Pending {
    ReadRow row;
    Side side;
  };

  Preparation(const DataRequest& request, const Tokenizer& tokenizer, std::filesystem::path folder,
              CsvWriter skipped, ValidationChoice choice);
  Result<void> add_target(Side side, std::size_t most_rows);
  /// side: where rows go that the choice leaves.
  Result<void> read_files(const std::vector<DataFile>& files, Side side);
  Result<void> read_file(const DataFile& file, std::uint32_t number, Side side);
  /// Tokenizes and writes a block of rows.
  Result<void> take(std::vector<Pending>& block, const DataFile& file, std::uint32_t number);
  Result<void> skip(const Pending& pending, const DataFile& file);
  bool all_full(Side side) const;
  Error no_rows(Side side) const;

  const DataRequest& request_;
  PairEncoder encoder_;
  std::filesystem::path folder_;
  CsvWriter skipped_;
  ValidationChoice choice_;
  std::array<std::optional<Target>, 2> targets_;
};

}  // namespace epicrisis::data::detail
