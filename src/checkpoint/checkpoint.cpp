#include "checkpoint/checkpoint.hpp"

#include <fmt/format.h>

#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/files.hpp"
#include "base/folders.hpp"
#include "checkpoint/detail/printable.hpp"
#include "checkpoint/families/family.hpp"
#include "checkpoint/name_map.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kConfigFile = "config.json";
constexpr std::string_view kGenerationConfigFile = "generation_config.json";
constexpr std::uint64_t kMaxConfigBytes = 16ULL << 20;

Result<Json> read_object(const fs::path& path) {
  EPICRISIS_ASSIGN_OR_RETURN(Json value, read_json_file(path, kMaxConfigBytes));
  if (value.is_object()) return value;
  return Error{ErrorCode::kCorrupt, fmt::format("'{}' must hold a JSON object.", path.string()), ""};
}

Result<const Family*> family_of(const Json& config) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::string model_type,
                             json_value(config, "model_type", std::string(), "config.json"));
  if (model_type.empty()) {
    return Error{ErrorCode::kCorrupt, "config.json: 'model_type' is missing.", ""};
  }
  const Family* const family = find_family(model_type);
  if (family == nullptr) {
    return Error{ErrorCode::kUnsupported, "config.json: 'model_type' is a family this version does not know.",
                 fmt::format("'{}'; known are: {}", detail::printable(model_type), known_families())};
  }
  return family;
}

/// The Error with the folder it came from: "config.json" alone says little when several models are read.
Error in_folder(Error error, const fs::path& folder) {
  if (!error.detail.empty()) error.detail += ", ";
  error.detail += fmt::format("in '{}'", folder.string());
  return error;
}

}  // namespace

Result<Architecture> read_architecture(const Json& config) {
  if (!config.is_object()) return Error{ErrorCode::kCorrupt, "config.json must hold a JSON object.", ""};
  EPICRISIS_ASSIGN_OR_RETURN(const Family* const family, family_of(config));
  std::vector<Error> unsupported = unsupported_options(config, *family);
  if (!unsupported.empty()) return std::move(unsupported.front());
  return family->read_architecture(config);
}

Result<Checkpoint> load_checkpoint(const fs::path& folder) {
  Checkpoint checkpoint;
  EPICRISIS_ASSIGN_OR_RETURN(checkpoint.config, read_object(folder / kConfigFile));
  checkpoint.generation_config = Json::object();
  if (is_there(folder / kGenerationConfigFile)) {
    EPICRISIS_ASSIGN_OR_RETURN(checkpoint.generation_config, read_object(folder / kGenerationConfigFile));
  }
  Result<Architecture> architecture = read_architecture(checkpoint.config);
  if (!architecture) return in_folder(std::move(architecture).error(), folder);
  checkpoint.architecture = std::move(architecture).value();

  EPICRISIS_ASSIGN_OR_RETURN(const WeightFiles files, find_weight_files(folder));
  EPICRISIS_ASSIGN_OR_RETURN(const Weights weights, read_weight_files(files));
  EPICRISIS_ASSIGN_OR_RETURN(const Family* const family, family_of(checkpoint.config));
  EPICRISIS_ASSIGN_OR_RETURN(checkpoint.weights,
                             to_canonical(weights, *family, checkpoint.architecture, files.path.string()));
  return checkpoint;
}

Result<void> save_checkpoint(const Checkpoint& checkpoint, const fs::path& folder, WeightFormat format,
                             DType dtype, std::uint64_t max_shard_bytes) {
  EPICRISIS_ASSIGN_OR_RETURN(const Family* const family, family_of(checkpoint.config));
  EPICRISIS_ASSIGN_OR_RETURN(const Weights named,
                             to_file_names(checkpoint.weights, *family, checkpoint.architecture));
  EPICRISIS_RETURN_IF_ERROR(write_weight_files(folder, format, named.tensors(), dtype, max_shard_bytes));
  const auto write_json = [&](std::string_view name, const Json& value) {
    return write_file_atomically(folder / name, value.dump(2) + "\n");
  };
  Json config = checkpoint.config;
  config["torch_dtype"] = dtype == DType::kFloat32   ? "float32"
                          : dtype == DType::kFloat16 ? "float16"
                                                     : "bfloat16";
  EPICRISIS_RETURN_IF_ERROR(write_json(kConfigFile, config));
  if (checkpoint.generation_config.empty()) return {};
  return write_json(kGenerationConfigFile, checkpoint.generation_config);
}

}  // namespace epicrisis
