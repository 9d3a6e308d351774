#include "checkpoint/weight_files.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <system_error>
#include <utility>

#include "base/files.hpp"
#include "base/folders.hpp"
#include "checkpoint/detail/printable.hpp"
#include "checkpoint/pytorch_bin.hpp"
#include "checkpoint/safetensors.hpp"
#include "checkpoint/shard_index.hpp"
#include "checkpoint/tensor_writing.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;

std::string_view suffix_of(WeightFormat format) {
  return format == WeightFormat::kSafetensors ? ".safetensors" : ".bin";
}

std::string main_file_name(WeightFormat format, bool sharded) {
  return fmt::format("{}{}", weight_file_name(format), sharded ? ".index.json" : "");
}

/// "model-00001-of-00002.safetensors", counted from 1.
std::string shard_name(WeightFormat format, std::size_t number, std::size_t count) {
  std::string_view stem = weight_file_name(format);
  stem.remove_suffix(suffix_of(format).size());
  return fmt::format("{}-{:05}-of-{:05}{}", stem, number, count, suffix_of(format));
}

struct Candidate {
  WeightFormat format;
  bool sharded;
};
/// In the order in which the reference looks.
constexpr std::array kCandidates = {
    Candidate{WeightFormat::kSafetensors, false}, Candidate{WeightFormat::kSafetensors, true},
    Candidate{WeightFormat::kPytorchBin, false}, Candidate{WeightFormat::kPytorchBin, true}};

Result<ShardIndex> read_index(const WeightFiles& files) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::string text, read_file(files.path, kMaxShardIndexBytes));
  return parse_shard_index(text, suffix_of(files.format), files.path.string());
}

Result<Weights> read_file_of(WeightFormat format, const fs::path& path) {
  return format == WeightFormat::kSafetensors ? read_safetensors(path) : read_pytorch_bin(path);
}

/// Brings the tensors of several files together.
class ShardReader {
 public:
  explicit ShardReader(const WeightFiles& files) : files_(files) {}

  Result<Weights> run() {
    EPICRISIS_ASSIGN_OR_RETURN(const ShardIndex index, read_index(files_));
    for (const auto& [tensor, file] : index.file_of) {
      if (!shards_.contains(file)) EPICRISIS_RETURN_IF_ERROR(read_shard(file));
      if (shards_.at(file).find(tensor) == nullptr) {
        return corrupt(fmt::format("tensor '{}' is not in '{}'", detail::printable(tensor), file));
      }
    }
    auto storage = std::make_shared<std::vector<Weights>>();
    for (auto& [file, weights] : shards_) storage->push_back(std::move(weights));
    return Weights(std::move(tensors_), std::move(storage));
  }

 private:
  Error corrupt(std::string detail) const {
    return {ErrorCode::kCorrupt,
            fmt::format("The weight files do not agree with their index '{}'.", files_.path.string()),
            std::move(detail)};
  }

  Result<void> read_shard(const std::string& file) {
    const fs::path path = files_.path.parent_path() / file;
    if (!is_there(path)) {
      return Error{ErrorCode::kNotFound,
                   fmt::format("The weight file '{}' is missing; download the model again.", path.string()),
                   fmt::format("'{}' names it", files_.path.string())};
    }
    EPICRISIS_ASSIGN_OR_RETURN(Weights weights, read_file_of(files_.format, path));
    // As the reference does, all tensors of a file are taken, not only those that the index lists.
    for (const auto& [name, tensor] : weights.tensors()) {
      const auto [first, is_new] = file_of_.emplace(name, file);
      if (!is_new) {
        return corrupt(
            fmt::format("tensor '{}' is in '{}' and in '{}'", detail::printable(name), first->second, file));
      }
      tensors_.emplace(name, tensor);
    }
    shards_.emplace(file, std::move(weights));
    return {};
  }

  const WeightFiles& files_;
  std::map<std::string, Weights> shards_;
  std::map<std::string, std::string> file_of_;
  Weights::Map tensors_;
};

std::uint64_t written_bytes(const TensorView& tensor, DType dtype) {
  return static_cast<std::uint64_t>(tensor.element_count()) * size_bytes(written_dtype(tensor, dtype));
}

/// As the reference fills files: in order of names, a new one before a tensor that would not fit.
std::vector<Weights::Map> split(const Weights::Map& tensors, DType dtype, std::uint64_t max_bytes) {
  std::vector<Weights::Map> shards(1);
  std::uint64_t used = 0;
  for (const auto& [name, tensor] : tensors) {
    const std::uint64_t bytes = written_bytes(tensor, dtype);
    if (!shards.back().empty() && (used > max_bytes || bytes > max_bytes - used)) {
      shards.emplace_back();
      used = 0;
    }
    shards.back().emplace(name, tensor);
    used += bytes;
  }
  return shards;
}

/// kConflict when `folder` has weights that go before those about to be written.
Result<void> check_precedence(const fs::path& folder, WeightFormat format, bool sharded) {
  for (const Candidate& candidate : kCandidates) {
    if (candidate.format == format && candidate.sharded == sharded) return {};
    const fs::path path = folder / main_file_name(candidate.format, candidate.sharded);
    if (!is_there(path)) continue;
    return Error{ErrorCode::kConflict,
                 fmt::format("'{}' would be read in place of the new weights; remove it or choose another "
                             "folder.",
                             path.string()),
                 ""};
  }
  return {};
}

}  // namespace

std::string_view weight_file_name(WeightFormat format) noexcept {
  return format == WeightFormat::kSafetensors ? "model.safetensors" : "pytorch_model.bin";
}

Result<WeightFiles> find_weight_files(const fs::path& folder) {
  for (const auto [format, sharded] : kCandidates) {
    const fs::path path = folder / main_file_name(format, sharded);
    if (is_there(path)) return WeightFiles{format, sharded, path};
  }
  return Error{
      ErrorCode::kNotFound,
      fmt::format(
          "The folder '{}' holds no weights: neither {} nor {} is there, nor an index (*.index.json).",
          folder.string(), weight_file_name(WeightFormat::kSafetensors),
          weight_file_name(WeightFormat::kPytorchBin)),
      ""};
}

Result<std::vector<std::string>> list_weight_files(const WeightFiles& files) {
  if (!files.sharded) return std::vector<std::string>{files.path.filename().string()};
  EPICRISIS_ASSIGN_OR_RETURN(const ShardIndex index, read_index(files));
  std::set<std::string> names;
  for (const auto& [tensor, file] : index.file_of) names.insert(file);
  return std::vector<std::string>(names.begin(), names.end());
}

Result<Weights> read_weight_files(const WeightFiles& files) {
  if (!files.sharded) return read_file_of(files.format, files.path);
  return ShardReader(files).run();
}

Result<std::uint64_t> parse_shard_size(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::uint64_t>, 7> kUnits = {{{"", 1},
                                                                                 {"KB", 1'000},
                                                                                 {"MB", 1'000'000},
                                                                                 {"GB", 1'000'000'000},
                                                                                 {"KIB", 1ULL << 10},
                                                                                 {"MIB", 1ULL << 20},
                                                                                 {"GIB", 1ULL << 30}}};
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string unit(end, text.data() + text.size());
  for (char& c : unit) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  for (const auto& [name, bytes] : kUnits) {
    if (failed != std::errc() || unit != name || number == 0) continue;
    if (number <= std::numeric_limits<std::uint64_t>::max() / bytes) return number * bytes;
  }
  return Error{ErrorCode::kInvalidArgument,
               "A shard size is a number of bytes, or a number and KB, MB, GB, KiB, MiB or GiB.",
               fmt::format("'{}'", detail::printable(text))};
}

Result<void> write_weight_files(const fs::path& folder, WeightFormat format, const Weights::Map& tensors,
                                DType dtype, std::uint64_t max_shard_bytes) {
  const auto write = [&](const std::string& name, const Weights::Map& content) {
    return format == WeightFormat::kSafetensors ? write_safetensors(folder / name, content, dtype)
                                                : write_pytorch_bin(folder / name, content, dtype);
  };
  const std::vector<Weights::Map> shards = split(tensors, dtype, max_shard_bytes);
  const bool sharded = shards.size() > 1;
  EPICRISIS_RETURN_IF_ERROR(check_precedence(folder, format, sharded));
  if (!sharded) return write(main_file_name(format, false), tensors);
  ShardIndex index;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const std::string name = shard_name(format, i + 1, shards.size());
    EPICRISIS_RETURN_IF_ERROR(write(name, shards[i]));
    for (const auto& [tensor_name, tensor] : shards[i]) {
      index.file_of.emplace(tensor_name, name);
      index.total_bytes += written_bytes(tensor, dtype);
    }
  }
  return write_file_atomically(folder / main_file_name(format, true), format_shard_index(index));
}

}  // namespace epicrisis
