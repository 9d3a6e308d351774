#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>

#include "base/result.hpp"

namespace epicrisis::train {

/// A number that TensorBoard draws over steps.
struct Scalar {
  std::string tag;  ///< "train/loss": what stands before the slash groups charts.
  double value = 0;
};

/// An event file as TensorBoard reads them: TFRecords (length, data, each with its masked CRC-32C) of Event
/// messages. docs/formats/tensorboard.md has the bytes.
class EventFile {
 public:
  /// Starts a new file in `folder`, which is made when missing. It tells TensorBoard to forget what other
  /// files in the folder say of steps behind `resumed_step`: an interrupted run had gone on for a while.
  static Result<EventFile> create(const std::filesystem::path& folder, std::int64_t resumed_step);

  /// Adds one event that holds all of `scalars`, and hands it to the system.
  Result<void> append(std::int64_t step, std::span<const Scalar> scalars);
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  explicit EventFile(std::filesystem::path path)
      : path_(std::move(path)), file_(path_, std::ios::binary | std::ios::trunc) {}
  Result<void> append_record(const std::string& event);

  std::filesystem::path path_;
  std::ofstream file_;
};

}  // namespace epicrisis::train
