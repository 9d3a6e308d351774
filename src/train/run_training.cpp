#include "train/run_training.hpp"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <thread>

#include "base/files.hpp"
#include "train/copying_initialization.hpp"
#include "train/ops/gemm.hpp"
#include "train/processor.hpp"
#include "train/report/write_training_report.hpp"
#include "train/training_loop.hpp"
#include "train/training_setup.hpp"

namespace epicrisis::train {
namespace {
namespace fs = std::filesystem;

Error invalid(std::string message) { return Error{ErrorCode::kInvalidArgument, std::move(message), {}}; }

Result<void> check_options(const TrainingOptions& options) {
  if (options.output_dir.empty()) return invalid("Give --output-dir, the folder for the trained model.");
  if (options.per_device_train_batch_size < 1 || options.per_device_eval_batch_size < 1 ||
      options.gradient_accumulation_steps < 1)
    return invalid("Batch sizes and --gradient-accumulation-steps must be at least 1.");
  if (!(options.learning_rate > 0) || !(options.num_train_epochs > 0) || options.max_steps < 0)
    return invalid("--learning-rate and --num-train-epochs must be positive and --max-steps not negative.");
  for (const auto& [name, value] :
       {std::pair{"--adam-beta1", options.adam_beta1}, std::pair{"--adam-beta2", options.adam_beta2},
        std::pair{"--warmup-ratio", options.warmup_ratio},
        std::pair{"--label-smoothing-factor", options.label_smoothing_factor}})
    if (!(value >= 0 && value < 1)) return invalid(fmt::format("{} must be in [0, 1).", name));
  if (options.logging_steps < 1 || options.eval_steps < 1 || options.save_steps < 1)
    return invalid("--logging-steps, --eval-steps and --save-steps must be at least 1.");
  if (options.bf16 && !cpu_multiplies_bfloat16())
    return invalid(
        "--bf16 needs a CPU with AVX512_BF16 or AMX, which this one lacks; leave it out to train in "
        "float32.");
  return {};
}

/// Early, so that a folder that cannot be written is known before the data is read. Whether it was made.
Result<bool> prepare_output(const TrainingOptions& options) {
  std::error_code failure;
  const bool made = fs::create_directories(options.output_dir, failure);
  if (failure) return system_error(failure.value(), "create", options.output_dir);
  const bool finished = fs::exists(options.output_dir / "train_results.json");
  if (finished && options.resume_from_checkpoint.empty() && !options.overwrite_output_dir)
    return Error{
        ErrorCode::kConflict,
        fmt::format("{} holds a finished run; choose another --output-dir or add --overwrite-output-dir.",
                    options.output_dir.string()),
        {}};
  return made;
}

/// The model and its optimizer are gone when this ends: the report needs their memory.
Result<Json> train_model(const TrainingOptions& options, const TrainingSetup& setup,
                         TrainingObserver& observer) {
  EPICRISIS_ASSIGN_OR_RETURN(Transformer model, Transformer::create(setup.start.architecture));
  model.set_bfloat16(options.bf16);
  if (setup.from_scratch) {
    model.initialise(options.seed);
    if (options.init == Initialization::kCopying) {
      const std::span values(model.parameters().data_ptr<float>(),
                             static_cast<std::size_t>(model.layout().total()));
      EPICRISIS_RETURN_IF_ERROR(
          initialise_for_copying(model.architecture(), model.layout(), options.seed, values));
    }
  } else {
    EPICRISIS_RETURN_IF_ERROR(model.load(setup.start.weights));
  }
  EPICRISIS_ASSIGN_OR_RETURN(TrainingLoop loop, TrainingLoop::create(options, setup, model, observer));
  return loop.run();
}

Result<Json> train_into_folder(const TrainingOptions& options, TrainingObserver& observer) {
  // LibTorch asks its BLAS and settles for one thread; its elementwise loops and our kernels want all cores.
  at::set_num_threads(options.threads > 0
                          ? options.threads
                          : static_cast<int>(std::max(1U, std::thread::hardware_concurrency())));
  if (!limit_blas_threads())
    observer.on_warning(
        "LibTorch runs on a BLAS that is not OpenBLAS and is far slower; install libopenblas0-pthread.");
  EPICRISIS_ASSIGN_OR_RETURN(const TrainingSetup setup, prepare_training(options, observer));
  EPICRISIS_ASSIGN_OR_RETURN(Json results, train_model(options, setup, observer));
  // The model is trained and saved: a report that fails must not undo that.
  if (const auto written = write_training_report(options, setup, results, observer); !written)
    observer.on_warning("There is no report.html: " + written.error().to_line());
  return results;
}

}  // namespace

Result<Json> run_training(const TrainingOptions& options, TrainingObserver& observer) {
  EPICRISIS_RETURN_IF_ERROR(check_options(options));
  EPICRISIS_ASSIGN_OR_RETURN(const bool made, prepare_output(options));
  Result<Json> results = train_into_folder(options, observer);
  std::error_code ignored;
  if (!results && made) fs::remove(options.output_dir, ignored);  // stays when a checkpoint is in it
  return results;
}

}  // namespace epicrisis::train
