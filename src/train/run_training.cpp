#include "train/run_training.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <span>
#include <thread>

#include "base/files.hpp"
#include "train/copying_initialization.hpp"
#include "train/ops/gemm.hpp"
#include "train/output_folder.hpp"
#include "train/processor.hpp"
#include "train/training_data.hpp"
#include "train/training_loop.hpp"
#include "train/training_option.hpp"
#include "train/training_setup.hpp"

namespace epicrisis::train {
namespace {

Error invalid(std::string message) { return Error{ErrorCode::kInvalidArgument, std::move(message), {}}; }

Result<void> check_options(const TrainingOptions& options) {
  if (options.bf16 && !cpu_multiplies_bfloat16())
    return invalid(
        "--bf16 needs a CPU with AVX512_BF16 or AMX, which this one lacks; leave it out to train in "
        "float32.");
  return {};
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
  if (options.prepare_only)
    return Json{{"prepared_data", setup.data["folder"]}, {"statistics", setup.data["statistics"]}};
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
  EPICRISIS_RETURN_IF_ERROR(
      write_file_atomically(options.output_dir / kOptionsFile, to_json(options).dump(2) + "\n"));
  EPICRISIS_ASSIGN_OR_RETURN(Json results, loop.run());
  std::error_code ignored;
  if (options.dataset_cache_dir.empty() && options.prepared_data.empty())
    fs::remove_all(dataset_cache_dir(options), ignored);
  return results;
}

}  // namespace

Result<Json> run_training(const TrainingOptions& options, TrainingObserver& observer) {
  EPICRISIS_RETURN_IF_ERROR(check_options(options));
  // Early, so that a folder that cannot be written is known before the data is read.
  EPICRISIS_ASSIGN_OR_RETURN(const OutputFolder output, OutputFolder::open(options));
  return train_into_folder(options, observer);
}

}  // namespace epicrisis::train
