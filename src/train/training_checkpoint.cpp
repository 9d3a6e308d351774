#include "train/training_checkpoint.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "base/files.hpp"
#include "checkpoint/safetensors.hpp"
#include "train/adapter_checkpoint.hpp"
#include "train/checkpoint_folders.hpp"
#include "train/training_option.hpp"

namespace epicrisis::train {
namespace {
namespace fs = std::filesystem;

constexpr std::string_view kStateFile = "trainer_state.json";
constexpr std::string_view kOptimizerFile = "optimizer.safetensors";
constexpr std::string_view kBestFile = "best_parameters.safetensors";
constexpr const char* kBestTensor = "parameters";

bool is_adapted(const Transformer& model) { return !model.layout().adapters().empty(); }

/// Precondition: `tensor` lies on the CPU.
TensorView view_of(const at::Tensor& tensor) {
  const std::span values(tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel()));
  return {DType::kFloat32, {tensor.numel()}, std::as_bytes(values)};
}

Json to_json(const RunState& state, const RunIdentity& identity, std::int64_t optimizer_steps) {
  Json json = {{"global_step", state.step},
               {"epoch_index", state.epoch},
               {"batch_in_epoch", state.batch_in_epoch},
               {"elapsed_seconds", state.elapsed_seconds},
               {"logged_loss_sum", state.logged_loss_sum},
               {"logged_steps", state.logged_steps},
               {"num_input_tokens_seen", state.tokens},
               {"best_model_checkpoint", state.selection.best_checkpoint},
               {"evaluations_without_gain", state.selection.evaluations_without_gain},
               {"optimizer_steps", optimizer_steps},
               {"run",
                {{"seed", identity.seed},
                 {"examples", identity.examples},
                 {"data", identity.data},
                 {"batches_per_epoch", identity.batches_per_epoch},
                 {"gradient_accumulation_steps", identity.accumulation}}}};
  const SelectionState& selection = state.selection;
  json["best_metric"] = selection.best_metric ? Json(*selection.best_metric) : Json();
  return json;
}

Result<void> read_state(const Json& json, const std::string& what, const RunParts& run) {
  try {
    const Json& own = json.at("run");
    const RunIdentity identity{own.at("seed").get<std::uint64_t>(), own.at("examples").get<std::size_t>(),
                               own.at("data").get<std::string>(),
                               own.at("batches_per_epoch").get<std::size_t>(),
                               own.at("gradient_accumulation_steps").get<std::size_t>()};
    if (identity != run.identity)
      return Error{
          ErrorCode::kConflict,
          "The checkpoint belongs to another run; resume with the same data, seed and batch options.", what};
    RunState& state = run.state;
    state.step = json.at("global_step").get<std::int64_t>();
    state.epoch = json.at("epoch_index").get<std::uint64_t>();
    state.batch_in_epoch = json.at("batch_in_epoch").get<std::size_t>();
    state.elapsed_seconds = json.at("elapsed_seconds").get<double>();
    state.logged_loss_sum = json.at("logged_loss_sum").get<double>();
    state.logged_steps = json.at("logged_steps").get<std::int64_t>();
    state.tokens = json.at("num_input_tokens_seen").get<std::int64_t>();
    SelectionState& selection = state.selection;
    selection.best_checkpoint = json.at("best_model_checkpoint").get<std::string>();
    selection.evaluations_without_gain = json.at("evaluations_without_gain").get<std::int64_t>();
    if (const Json& best = json.at("best_metric"); !best.is_null())
      selection.best_metric = best.get<double>();
    run.optimizer.set_steps(json.at("optimizer_steps").get<std::int64_t>());
    return {};
  } catch (const Json::exception& failure) {
    return Error{ErrorCode::kCorrupt, "The checkpoint to resume from is damaged.",
                 fmt::format("{}: {}", what, failure.what())};
  }
}

Result<void> read_tensor(const Weights& weights, std::string_view name, at::Tensor& tensor,
                         const fs::path& path) {
  const TensorView* stored = weights.find(std::string(name));
  if (stored == nullptr || stored->dtype != DType::kFloat32 || stored->element_count() != tensor.numel())
    return Error{ErrorCode::kCorrupt, "The training state of the checkpoint does not fit the model.",
                 fmt::format("{}: {}", path.filename().string(), name)};
  at::Tensor values = tensor.is_cpu() ? tensor : at::empty(tensor.sizes(), at::kFloat);
  widen_to_float32(*stored, {values.data_ptr<float>(), static_cast<std::size_t>(values.numel())});
  if (!tensor.is_cpu()) tensor.copy_(values);
  return {};
}

Result<void> write_tensors(const fs::path& path, const std::vector<OptimizerState>& parts) {
  Weights::Map map;
  std::vector<at::Tensor> kept;  // what the views look at
  for (const auto& [name, values] : parts) map[name] = view_of(kept.emplace_back(values.cpu()));
  return map.empty() ? Result<void>() : write_safetensors(path, map, DType::kFloat32);
}

Result<void> read_optimizer_state(const fs::path& path, const Optimizer& optimizer) {
  const std::vector<OptimizerState> state = optimizer.state();
  if (state.empty()) return {};
  EPICRISIS_ASSIGN_OR_RETURN(const Weights file, read_safetensors(path));
  for (auto [name, values] : state) EPICRISIS_RETURN_IF_ERROR(read_tensor(file, name, values, path));
  return {};
}

Result<void> read_best(const fs::path& path, const RunParts& run) {
  if (!fs::exists(path)) return {};
  EPICRISIS_ASSIGN_OR_RETURN(const Weights best, read_safetensors(path));
  run.best_parameters = at::empty_like(run.model.parameters());
  return read_tensor(best, kBestTensor, run.best_parameters, path);
}

Result<void> copy_tokenizer(const fs::path& from, const fs::path& to) {
  for (const std::string_view name :
       {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "spiece.model",
        "sentencepiece.bpe.model", "vocab.json", "merges.txt", "vocab.txt", "added_tokens.json"}) {
    if (!fs::exists(from / name)) continue;
    EPICRISIS_ASSIGN_OR_RETURN(const std::string content, read_file(from / name));
    EPICRISIS_RETURN_IF_ERROR(write_file_atomically(to / name, content));
  }
  return {};
}

}  // namespace

Result<void> save_model(const Transformer& model, const TrainingSetup& setup, const fs::path& folder,
                        DType dtype) {
  Checkpoint finished = setup.start;
  finished.weights = model.weights();
  EPICRISIS_RETURN_IF_ERROR(save_checkpoint(finished, folder, WeightFormat::kSafetensors, dtype));
  return copy_tokenizer(setup.tokenizer_folder, folder);
}

Result<void> load_trained(Transformer& model, const fs::path& folder) {
  if (is_adapted(model)) return load_adapters(model, folder);
  EPICRISIS_ASSIGN_OR_RETURN(const Checkpoint checkpoint, load_checkpoint(folder));
  return model.load(checkpoint.weights);
}

Result<void> save_run(const RunParts& run, const TrainingSetup& setup, const fs::path& folder) {
  EPICRISIS_ASSIGN_OR_RETURN(StagedDirectory staged, StagedDirectory::create(folder, true));
  EPICRISIS_RETURN_IF_ERROR(
      is_adapted(run.model)
          ? save_adapters(run.model, setup.start.config.value("_name_or_path", ""), staged.path())
          : save_model(run.model, setup, staged.path(), DType::kFloat32));
  EPICRISIS_RETURN_IF_ERROR(write_tensors(staged.path() / kOptimizerFile, run.optimizer.state()));
  if (run.best_parameters.defined())
    EPICRISIS_RETURN_IF_ERROR(write_tensors(staged.path() / kBestFile, {{kBestTensor, run.best_parameters}}));
  const Json state = to_json(run.state, run.identity, run.optimizer.steps());
  EPICRISIS_RETURN_IF_ERROR(write_file_atomically(staged.path() / kStateFile, state.dump(2) + "\n"));
  EPICRISIS_RETURN_IF_ERROR(
      write_file_atomically(staged.path() / kOptionsFile, to_json(run.options).dump(2) + "\n"));
  EPICRISIS_RETURN_IF_ERROR(write_checksums(staged.path()));
  return staged.commit();
}

Result<void> restore_run(const RunParts& run, const fs::path& folder) {
  EPICRISIS_ASSIGN_OR_RETURN(const Json state, read_json_file(folder / kStateFile));
  EPICRISIS_RETURN_IF_ERROR(read_state(state, (folder.filename() / kStateFile).string(), run));
  EPICRISIS_RETURN_IF_ERROR(load_trained(run.model, folder));
  EPICRISIS_RETURN_IF_ERROR(read_optimizer_state(folder / kOptimizerFile, run.optimizer));
  return read_best(folder / kBestFile, run);
}

}  // namespace epicrisis::train
