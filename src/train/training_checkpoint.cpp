#include "train/training_checkpoint.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/files.hpp"
#include "checkpoint/safetensors.hpp"
#include "train/adapter_checkpoint.hpp"

namespace epicrisis::train {
namespace {
namespace fs = std::filesystem;

constexpr std::string_view kStateFile = "trainer_state.json";
constexpr std::string_view kOptimizerFile = "optimizer.safetensors";
constexpr std::string_view kFolderPrefix = "checkpoint-";

bool is_adapted(const Transformer& model) { return !model.layout().adapters().empty(); }

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
               {"best_model_checkpoint", state.best_checkpoint},
               {"optimizer_steps", optimizer_steps},
               {"run",
                {{"seed", identity.seed},
                 {"examples", identity.examples},
                 {"batches_per_epoch", identity.batches_per_epoch},
                 {"gradient_accumulation_steps", identity.accumulation}}}};
  json["best_metric"] = state.best_metric ? Json(*state.best_metric) : Json();
  return json;
}

Result<void> read_state(const Json& json, const std::string& what, const RunParts& run) {
  try {
    const Json& own = json.at("run");
    const RunIdentity identity{own.at("seed").get<std::uint64_t>(), own.at("examples").get<std::size_t>(),
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
    state.best_checkpoint = json.at("best_model_checkpoint").get<std::string>();
    if (const Json& best = json.at("best_metric"); !best.is_null()) state.best_metric = best.get<double>();
    run.optimizer.set_steps(json.at("optimizer_steps").get<std::int64_t>());
    return {};
  } catch (const Json::exception& failure) {
    return Error{ErrorCode::kCorrupt, "The checkpoint to resume from is damaged.",
                 fmt::format("{}: {}", what, failure.what())};
  }
}

Result<void> read_optimizer_state(const fs::path& path, const Optimizer& optimizer) {
  const std::vector<OptimizerState> state = optimizer.state();
  if (state.empty()) return {};
  EPICRISIS_ASSIGN_OR_RETURN(const Weights file, read_safetensors(path));
  for (const auto& [name, values] : state) {
    const TensorView* stored = file.find(name);
    if (stored == nullptr || stored->dtype != DType::kFloat32 || stored->element_count() != values.numel())
      return Error{ErrorCode::kCorrupt, "The optimizer state of the checkpoint does not fit the model.",
                   fmt::format("{}: {}", path.filename().string(), name)};
    widen_to_float32(*stored, {values.data_ptr<float>(), static_cast<std::size_t>(values.numel())});
  }
  return {};
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

/// Step of a folder named checkpoint-<step>; -1 for any other.
std::int64_t step_of(const fs::path& folder) {
  const std::string name = folder.filename().string();
  if (!name.starts_with(kFolderPrefix)) return -1;
  std::int64_t step = -1;
  const char* end = name.data() + name.size();
  const auto parsed = std::from_chars(name.data() + kFolderPrefix.size(), end, step);
  return parsed.ec == std::errc() && parsed.ptr == end ? step : -1;
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
  Weights::Map optimizer_state;
  for (const auto& [name, values] : run.optimizer.state()) optimizer_state[name] = view_of(values);
  if (!optimizer_state.empty())
    EPICRISIS_RETURN_IF_ERROR(
        write_safetensors(staged.path() / kOptimizerFile, optimizer_state, DType::kFloat32));
  const Json state = to_json(run.state, run.identity, run.optimizer.steps());
  EPICRISIS_RETURN_IF_ERROR(write_file_atomically(staged.path() / kStateFile, state.dump(2) + "\n"));
  return staged.commit();
}

Result<void> restore_run(const RunParts& run, const fs::path& folder) {
  EPICRISIS_ASSIGN_OR_RETURN(const Json state, read_json_file(folder / kStateFile));
  EPICRISIS_RETURN_IF_ERROR(read_state(state, (folder.filename() / kStateFile).string(), run));
  EPICRISIS_RETURN_IF_ERROR(load_trained(run.model, folder));
  return read_optimizer_state(folder / kOptimizerFile, run.optimizer);
}

std::vector<fs::path> find_checkpoints(const fs::path& output_dir) {
  std::vector<fs::path> folders;
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(output_dir, failure))
    if (entry.is_directory() && step_of(entry.path()) >= 0) folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end(),
            [](const fs::path& a, const fs::path& b) { return step_of(a) < step_of(b); });
  return folders;
}

void remove_old_checkpoints(const fs::path& output_dir, std::size_t limit, const std::string& keep) {
  if (limit == 0) return;
  std::vector<fs::path> folders = find_checkpoints(output_dir);
  std::erase_if(folders, [&](const fs::path& folder) { return folder.filename() == keep; });
  for (std::size_t i = 0; i + limit < folders.size(); ++i) {
    std::error_code failure;  // an old checkpoint that cannot be removed is no reason to end a run
    fs::remove_all(folders[i], failure);
  }
}

}  // namespace epicrisis::train
