#include "train/run_training.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <span>
#include <thread>

#include "base/files.hpp"
#include "train/copying_initialization.hpp"
#include "train/distributed/follower.hpp"
#include "train/distributed/process_group.hpp"
#include "train/dry_run.hpp"
#include "train/memory_limit.hpp"
#include "train/ops/gemm.hpp"
#include "train/optimizer_kind.hpp"
#include "train/output_folder.hpp"
#include "train/processor.hpp"
#include "train/report/write_training_report.hpp"
#include "train/run_estimate.hpp"
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

/// The model and its optimizer are gone when this ends: the report needs their memory.
Result<Json> train_model(const TrainingOptions& options, TrainingSetup& setup, TrainingObserver& observer,
                         ProcessGroup& group) {
  EPICRISIS_ASSIGN_OR_RETURN(Transformer model,
                             Transformer::create(setup.start.architecture, options.trained));
  model.set_bfloat16(options.bf16);
  model.set_gradient_checkpointing(options.gradient_checkpointing);
  model.set_alignment_guide(setup.alignment);
  model.initialise_adapters(options.seed);
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
    setup.start.weights = {};  // the model has its own copy
  }
  EPICRISIS_ASSIGN_OR_RETURN(TrainingLoop loop, TrainingLoop::create(options, setup, model, observer, group));
  if (group.is_main())
    EPICRISIS_RETURN_IF_ERROR(
        write_file_atomically(options.output_dir / kOptionsFile, to_json(options).dump(2) + "\n"));
  return loop.run();
}

/// Memory for each of the processes that share this machine.
Result<void> check_memory_of(const TrainingSetup& setup, const TrainingOptions& options,
                             const ProcessPlace& place) {
  TrainingOptions own = options;
  if (place.local_size > 1) {
    EPICRISIS_ASSIGN_OR_RETURN(const std::int64_t limit, memory_limit(options.max_memory));
    own.max_memory = std::to_string(limit / place.local_size);
  }
  return check_memory(
      {setup.start.architecture, setup.train.get(), setup.validation.examples.get(), 0, resident_bytes()},
      own);
}

/// LibTorch asks its BLAS and settles for one thread; its elementwise loops and our kernels want all cores.
void use_threads(const TrainingOptions& options, const ProcessPlace& place) {
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  at::set_num_threads(options.threads > 0 ? options.threads : std::max(1, cores / place.local_size));
}

Result<Json> train_into_folder(const TrainingOptions& options, TrainingObserver& observer,
                               ProcessGroup& group) {
  use_threads(options, group.place());
  if (!limit_blas_threads())
    observer.on_warning(
        "LibTorch runs on a BLAS that is not OpenBLAS and is far slower; install libopenblas0-pthread.");
  EPICRISIS_ASSIGN_OR_RETURN(TrainingSetup setup, prepare_training(options, observer));
  if (options.prepare_only)
    return Json{{"prepared_data", setup.data["folder"]}, {"statistics", setup.data["statistics"]}};
  EPICRISIS_RETURN_IF_ERROR(check_memory_of(setup, options, group.place()));
  EPICRISIS_RETURN_IF_ERROR(let_followers_start(group, setup));
  EPICRISIS_ASSIGN_OR_RETURN(Json results, train_model(options, setup, observer, group));
  // The model is trained and saved: a report that fails must not undo that.
  if (const auto written = write_training_report(options, setup, results, observer); !written)
    observer.on_warning("There is no report.html: " + written.error().to_line());
  std::error_code ignored;
  if (options.dataset_cache_dir.empty() && options.prepared_data.empty())
    std::filesystem::remove_all(dataset_cache_dir(options), ignored);
  return results;
}

/// A process other than rank 0.
Result<Json> follow(const TrainingOptions& options, TrainingObserver& observer, ProcessGroup& group) {
  use_threads(options, group.place());
  limit_blas_threads();
  FollowingObserver own_observer(observer);
  EPICRISIS_ASSIGN_OR_RETURN(const FollowerOptions own, FollowerOptions::create(options, group));
  EPICRISIS_ASSIGN_OR_RETURN(TrainingSetup setup, prepare_training(own.options(), own_observer));
  return train_model(own.options(), setup, own_observer, group);
}

}  // namespace

Result<Json> run_training(const TrainingOptions& options, TrainingObserver& observer,
                          const ProcessPlace& place) {
  if (const auto known = parse_optimizer(options.optim); !known) return known.error();
  if (options.dry_run) return dry_run(options, observer);
  EPICRISIS_RETURN_IF_ERROR(check_options(options));
  if (place.size > 1 && options.prepare_only)
    return invalid("--prepare-only is for one process; prepare first, and then train with --prepared-data.");
  EPICRISIS_ASSIGN_OR_RETURN(ProcessGroup group, ProcessGroup::join(place));
  if (!group.is_main()) return follow(options, observer, group);
  // Early, so that a folder that cannot be written is known before the data is read.
  EPICRISIS_ASSIGN_OR_RETURN(const OutputFolder output, OutputFolder::open(options));
  return train_into_folder(options, observer, group);
}

}  // namespace epicrisis::train
