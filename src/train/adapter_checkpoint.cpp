#include "train/adapter_checkpoint.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <utility>

#include "base/files.hpp"
#include "base/json.hpp"
#include "checkpoint/families/family.hpp"
#include "checkpoint/safetensors.hpp"

namespace epicrisis::train {
namespace {
namespace fs = std::filesystem;

constexpr std::string_view kConfigFile = "adapter_config.json";
constexpr std::string_view kWeightsFile = "adapter_model.safetensors";
constexpr std::string_view kPrefix = "base_model.model.";  // of all names in PEFT's files

using Rows = std::vector<std::int64_t>;

/// Where the family's files have row i of `parameter`, a matrix [out, in], among the outputs of its tensor.
std::int64_t file_row(const Parameter& parameter, std::int64_t row) {
  if (!parameter.part) return row;
  const FilePart& part = *parameter.part;
  const std::int64_t element = row * parameter.shape[1];
  const std::int64_t place =
      part.offset + element / part.columns * part.row_stride + element % part.columns * part.column_stride;
  return part.column_stride == 1 ? place / parameter.shape[1] : place % parameter.file_shape[1];
}

/// For every row of an adapter's B its row in the file.
Rows file_rows(const Transformer& model, const LowRankAdapter& adapter) {
  const ParameterLayout& layout = model.layout();
  Rows rows(static_cast<std::size_t>(layout.slot(adapter.b).shape[0]));
  std::iota(rows.begin(), rows.end(), 0);
  const Family* family = find_family(model.architecture().family);
  const bool is_module = layout.slot(adapter.targets.front()).file_name == adapter.module + ".weight";
  if (family == nullptr || !is_module) return rows;
  const std::vector<Parameter> parameters = family->parameters(model.architecture());
  auto next = rows.begin();
  for (const std::string& target : adapter.targets) {
    const auto parameter = std::find_if(parameters.begin(), parameters.end(),
                                        [&](const Parameter& own) { return own.canonical == target; });
    for (std::int64_t row = 0; row < parameter->shape[0]; ++row) *next++ = file_row(*parameter, row);
  }
  return rows;
}

at::Tensor matrix(Transformer& model, const ParameterSlot& slot) {
  return model.parameters().narrow(0, slot.offset, slot.count).view(slot.shape);
}

std::string file_name(const std::string& slot) { return fmt::format("{}{}", kPrefix, slot); }

TensorView view_of(const at::Tensor& tensor) {
  const std::span values(tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel()));
  return {DType::kFloat32, tensor.sizes().vec(), std::as_bytes(values)};
}

double alpha_of(const Transformer& model) {
  const LowRankAdapter& first = model.layout().adapters().front();
  return first.scale * static_cast<double>(model.layout().slot(first.a).shape[0]);
}

Json adapter_config(const Transformer& model, const std::string& base_model) {
  const ParameterLayout& layout = model.layout();
  Json modules = Json::array();
  for (const LowRankAdapter& adapter : layout.adapters()) modules.push_back(adapter.module);
  const bool decodes_only = model.architecture().topology == Topology::kDecoderOnly;
  const LowRankAdapter& first = layout.adapters().front();
  return {{"peft_type", "LORA"},
          {"task_type", decodes_only ? "CAUSAL_LM" : "SEQ_2_SEQ_LM"},
          {"base_model_name_or_path", base_model},
          {"r", layout.slot(first.a).shape[0]},
          {"lora_alpha", alpha_of(model)},
          {"lora_dropout", first.dropout},
          {"target_modules", std::move(modules)},
          {"fan_in_fan_out", model.architecture().family == "gpt2"},
          {"bias", "none"},
          {"inference_mode", true}};
}

Error corrupt(std::string detail) {
  return Error{ErrorCode::kCorrupt, "The adapters of the checkpoint do not fit this run's model.",
               std::move(detail)};
}

/// The tensor of `slot` in a file, widened.
Result<at::Tensor> read_matrix(const Weights& file, const ParameterSlot& slot) {
  const TensorView* stored = file.find(file_name(slot.name));
  if (stored == nullptr) return corrupt(fmt::format("{}: tensor {} is missing", kWeightsFile, slot.name));
  if (stored->shape != slot.shape)
    return corrupt(fmt::format("{}: tensor {}: [{}] in the file, [{}] by the options", kWeightsFile,
                               slot.name, fmt::join(stored->shape, ", "), fmt::join(slot.shape, ", ")));
  at::Tensor values = at::empty(slot.shape, at::kFloat);
  widen_to_float32(*stored, {values.data_ptr<float>(), static_cast<std::size_t>(values.numel())});
  return values;
}

}  // namespace

Result<void> save_adapters(const Transformer& model, const std::string& base_model, const fs::path& folder) {
  const ParameterLayout& layout = model.layout();
  const at::Tensor parameters = model.parameters().cpu();
  std::vector<at::Tensor> kept;
  Weights::Map tensors;
  for (const LowRankAdapter& adapter : layout.adapters()) {
    const ParameterSlot &a = layout.slot(adapter.a), &b = layout.slot(adapter.b);
    const at::Tensor own = parameters.narrow(0, b.offset, b.count).view(b.shape);
    at::Tensor in_file_order = at::empty_like(own);
    in_file_order.index_copy_(0, at::tensor(file_rows(model, adapter)), own);
    tensors[file_name(adapter.a)] =
        view_of(kept.emplace_back(parameters.narrow(0, a.offset, a.count).view(a.shape)));
    tensors[file_name(adapter.b)] = view_of(kept.emplace_back(in_file_order));
  }
  EPICRISIS_RETURN_IF_ERROR(write_safetensors(folder / kWeightsFile, tensors, DType::kFloat32));
  return write_file_atomically(folder / kConfigFile, adapter_config(model, base_model).dump(2) + "\n");
}

Result<void> load_adapters(Transformer& model, const fs::path& folder) {
  const at::NoGradGuard no_gradients;
  const ParameterLayout& layout = model.layout();
  EPICRISIS_ASSIGN_OR_RETURN(const Json config, read_json_file(folder / kConfigFile));
  EPICRISIS_ASSIGN_OR_RETURN(const double alpha,
                             json_value(config, "lora_alpha", alpha_of(model), kConfigFile));
  if (std::abs(alpha - alpha_of(model)) > 1e-9 * alpha)
    return Error{ErrorCode::kConflict,
                 fmt::format("The checkpoint was trained with --lora-alpha {}; give the same.", alpha),
                 std::string(kConfigFile)};
  EPICRISIS_ASSIGN_OR_RETURN(const Weights file, read_safetensors(folder / kWeightsFile));
  for (const LowRankAdapter& adapter : layout.adapters()) {
    const ParameterSlot &a = layout.slot(adapter.a), &b = layout.slot(adapter.b);
    EPICRISIS_ASSIGN_OR_RETURN(const at::Tensor stored_a, read_matrix(file, a));
    EPICRISIS_ASSIGN_OR_RETURN(const at::Tensor stored_b, read_matrix(file, b));
    matrix(model, a).copy_(stored_a);
    matrix(model, b).copy_(stored_b.index_select(0, at::tensor(file_rows(model, adapter))));
  }
  return {};
}

bool holds_adapters(const fs::path& folder) { return fs::exists(folder / kConfigFile); }

Result<void> merge_adapters_checked(Transformer& model, const data::PackedBatch& probe) {
  const at::NoGradGuard no_gradients;
  const at::Tensor before = model.logits(probe);
  model.merge_adapters();
  const at::Tensor difference = (model.logits(probe) - before).abs().max();
  // Both sum the same products in another order; a merge that is wrong and yet this near changes nothing.
  constexpr double kRounding = 1e-4;
  const double allowed = kRounding * std::max(1.0, before.abs().max().item<double>());
  if (difference.item<double>() <= allowed) return {};
  return Error{ErrorCode::kInternal, "The merged model computes other logits than the adapted one.",
               fmt::format("largest difference {:.3g}, {:.3g} allowed", difference.item<double>(), allowed)};
}

}  // namespace epicrisis::train
