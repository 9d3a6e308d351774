#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "checkpoint/checkpoint.hpp"

namespace epicrisis {

struct PackageOptions {
  WeightFormat format = WeightFormat::kPytorchBin;  ///< Of the weights in the package.
  std::string name;         ///< Title of a generated model card; empty: the family's name. Not the
                            ///< folder's: a copy of a model gives the same package.
  std::string trained_for;  ///< For a generated model card: one sentence, or empty.
  /// Called with the unpacked content of the finished archive; an Error keeps it from being published.
  std::function<Result<void>(const std::filesystem::path& folder)> verify;
  /// Called with the bytes packed so far, and of how many.
  std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes)> progress;
};

struct PackageReport {
  std::vector<std::string> files;  ///< Names in the archive, sorted.
  std::uint64_t size_bytes = 0;    ///< Of the archive.
};

/// Packs the model in `folder` into `target`, a .tar.gz as model registries and SageMaker expect it: all
/// files at the root. They are config.json, generation_config.json (made from config.json's settings where
/// the folder has none), the weights, the tokenizer's files, epicrisis.json where there is one, and
/// README.md: the folder's own, or a generated card. Weights stay as they are when the folder has them in the
/// format asked for, else they are converted in their own element type. The archive is unpacked again from
/// disk and given to `verify` before it appears under its name; `target` is replaced whole, or left as it
/// was. Same folder, same bytes. Errors: those of load_checkpoint() and `verify`, kNotFound naming a missing
/// tokenizer file, kResourceExhausted for a full disk.
Result<PackageReport> package_model(const std::filesystem::path& folder, const std::filesystem::path& target,
                                    const PackageOptions& options);

}  // namespace epicrisis
