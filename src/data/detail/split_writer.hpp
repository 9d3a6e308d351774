#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/files.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "base/sha256.hpp"
#include "data/pair_encoder.hpp"

namespace epicrisis::data::detail {

/// A file written from front to end, with its length and SHA-256. Not thread-safe.
class HashedFile {
 public:
  static Result<HashedFile> create(const std::filesystem::path& path);
  Result<void> write(std::string_view bytes);
  /// Writes what is left and makes the file appear. Returns its SHA-256.
  Result<std::string> finish();
  std::uint64_t size_bytes() const noexcept { return file_.size_bytes() + pending_.size(); }

 private:
  explicit HashedFile(AtomicFile file) : file_(std::move(file)) {}
  Result<void> flush();

  AtomicFile file_;
  Sha256 hash_;
  std::string pending_;  ///< Gathered so that a row costs no system call.
};

/// Writes one split of a prepared data set (docs/formats/prepared-data.md), example by example. Not
/// thread-safe.
class SplitWriter {
 public:
  static Result<SplitWriter> create(const std::filesystem::path& folder, const std::string& name);
  /// file: index in the split's list of files.
  Result<void> add(const EncodedPair& pair, const DatasetRow& row, std::uint32_t file);
  std::uint64_t rows() const noexcept { return rows_count_; }
  /// Returns the split's entry in dataset.json: rows, tokens, texts (bytes), and a SHA-256 of each file.
  Result<Json> finish();

 private:
  SplitWriter(HashedFile rows, HashedFile tokens, HashedFile texts);

  HashedFile rows_, tokens_, texts_;
  std::uint64_t rows_count_ = 0;
};

/// 64 bits of the SHA-256 of `text` without outer blanks.
std::uint64_t text_hash(std::string_view text);

}  // namespace epicrisis::data::detail
