#include "checkpoint/conversion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <system_error>

#include "base/files.hpp"
#include "checkpoint/checkpoint.hpp"
#include "checkpoint/detail/printable.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;

/// Endings of files that hold weights, of this or another framework: a copy would disagree with the new ones.
constexpr std::array<std::string_view, 10> kWeightEndings = {
    ".safetensors", ".bin", ".index.json", ".h5", ".msgpack", ".ot", ".onnx", ".pt", ".pth", ".gguf"};

bool is_copied(const fs::directory_entry& entry) {
  const std::string name = entry.path().filename().string();
  std::error_code ignored;
  return entry.is_regular_file(ignored) && !name.starts_with('.') &&
         std::none_of(kWeightEndings.begin(), kWeightEndings.end(),
                      [&](std::string_view ending) { return name.ends_with(ending); });
}

Result<DType> stored_dtype(const Weights& weights) {
  std::optional<DType> dtype;
  for (const auto& [name, tensor] : weights.tensors()) {
    if (dtype && *dtype != tensor.dtype) {
      return Error{ErrorCode::kInvalidArgument,
                   "The weights are stored in several types; say with --dtype which one to write.",
                   fmt::format("{} and {}", to_string(*dtype), to_string(tensor.dtype))};
    }
    dtype = tensor.dtype;
  }
  return dtype.value_or(DType::kFloat32);
}

Result<void> copy_plain_file(const fs::path& from, const fs::path& to) {
  std::error_code failed;
  fs::copy_file(from, to, failed);
  // The copy is ours to change, whatever the source's mode.
  if (!failed) fs::permissions(to, fs::perms::owner_write, fs::perm_options::add, failed);
  if (failed) return system_error(failed.value(), "copy", from);
  return {};
}

/// Copies what is not written anew, and notes what is left out.
Result<void> copy_rest(const fs::path& source, const fs::path& staged, ConversionReport& report) {
  std::error_code failed;
  for (fs::directory_iterator entry(source, failed), end; !failed && entry != end; entry.increment(failed)) {
    const std::string name = entry->path().filename().string();
    std::error_code ignored;
    if (fs::exists(staged / name, ignored)) continue;
    if (is_copied(*entry)) {
      EPICRISIS_RETURN_IF_ERROR(copy_plain_file(entry->path(), staged / name));
    } else {
      report.left_out.push_back(detail::printable(name));
    }
  }
  if (failed) return system_error(failed.value(), "list", source);
  std::sort(report.left_out.begin(), report.left_out.end());
  return {};
}

Result<void> list_result(const fs::path& staged, ConversionReport& report) {
  std::error_code failed;
  for (fs::directory_iterator entry(staged, failed), end; !failed && entry != end; entry.increment(failed)) {
    report.files.push_back(entry->path().filename().string());
    report.size_bytes += entry->file_size(failed);
  }
  if (failed) return system_error(failed.value(), "list", staged);
  std::sort(report.files.begin(), report.files.end());
  return {};
}

/// Replacing deletes a folder with all that is in it: only one that a conversion could have made.
Result<void> check_replaceable(const fs::path& target) {
  std::error_code ignored;
  if (!fs::exists(target, ignored) || fs::exists(target / "config.json", ignored)) return {};
  if (fs::is_directory(target, ignored) && fs::is_empty(target, ignored)) return {};
  return Error{ErrorCode::kConflict,
               fmt::format("'{}' exists and is no model folder, so it is not replaced; choose another name.",
                           target.string()),
               ""};
}

}  // namespace

Result<ConversionReport> convert_checkpoint(const fs::path& source, const fs::path& target,
                                            const ConversionOptions& options) {
  if (options.overwrite) EPICRISIS_RETURN_IF_ERROR(check_replaceable(target));
  EPICRISIS_ASSIGN_OR_RETURN(StagedDirectory staged, StagedDirectory::create(target, options.overwrite));
  EPICRISIS_ASSIGN_OR_RETURN(const Checkpoint checkpoint, load_checkpoint(source));
  std::optional<DType> dtype = options.dtype;
  if (!dtype) {
    EPICRISIS_ASSIGN_OR_RETURN(dtype, stored_dtype(checkpoint.weights));
  }
  EPICRISIS_RETURN_IF_ERROR(
      save_checkpoint(checkpoint, staged.path(), options.format, *dtype, options.max_shard_bytes));
  ConversionReport report;
  EPICRISIS_RETURN_IF_ERROR(copy_rest(source, staged.path(), report));
  EPICRISIS_RETURN_IF_ERROR(list_result(staged.path(), report));
  EPICRISIS_RETURN_IF_ERROR(staged.commit());
  return report;
}

}  // namespace epicrisis
