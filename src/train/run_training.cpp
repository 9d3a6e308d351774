#include "train/run_training.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <exception>
#include <span>
#include <thread>

#include "base/files.hpp"
#include "train/copying_initialization.hpp"
#include "train/device.hpp"
#include "train/distributed/follower.hpp"
#include "train/distributed/process_group.hpp"
#include "train/dry_run.hpp"
#include "train/evaluation.hpp"
#include "train/memory_limit.hpp"
#include "train/model_selection.hpp"
#include "train/ops/gemm.hpp"
#include "train/optimizer_kind.hpp"
#include "train/output_folder.hpp"
#include "train/processor.hpp"
#include "train/report/write_training_report.hpp"
#include "train/run_estimate.hpp"
#include "train/training_data.hpp"
#include "train/training_loop.hpp"
#include "train/training_option.hpp"
#include "train/training_plan.hpp"
#include "train/training_setup.hpp"

namespace epicrisis::train {
namespace {

Error invalid(std::string message) { return Error{ErrorCode::kInvalidArgument, std::move(message), {}}; }

Result<void> check_options(const TrainingOptions& options, const at::Device& device) {
  if (options.bf16 && device.is_cpu() && !cpu_multiplies_bfloat16())
    return invalid(
        "--bf16 needs a CPU with AVX512_BF16 or AMX, which this one lacks; leave it out to train in "
        "float32.");
  return {};
}

/// What can be seen to be wrong before hours of reading data.
Result<void> check_course(const TrainingOptions& options) {
  if (const auto schedule = make_schedule(options, 1); !schedule) return schedule.error();
  const std::string& resume = options.resume_from_checkpoint;
  const bool names_folder = !resume.empty() && resume != "last" && resume != "true" && resume != "false";
  if (names_folder && !std::filesystem::is_directory(resume))
    return Error{ErrorCode::kNotFound, "There is no checkpoint " + resume + " to resume from.", {}};
  const bool has_validation = !options.validation_files.empty() || options.validation_split_percentage > 0 ||
                              !options.prepared_data.empty();
  if (!has_validation || options.eval_strategy == Interval::kNo)
    return options.early_stopping_patience == 0
               ? Result<void>()
               : invalid(
                     "--early-stopping-patience needs evaluations: give --validation-file, and an "
                     "--eval-strategy other than no.");
  Json measured = {{"eval_loss", 0.0}};
  if (options.predict_with_generate && options.objective == Objective::kSummarize)
    for (const char* name : {"rouge1", "rouge2", "rougeL", "rougeLsum", "gen_len"})
      measured[std::string("eval_") + name] = 0.0;
  const auto metric = metric_value(measured, ModelSelection(options).metric());
  return metric ? Result<void>() : metric.error();
}

Result<void> lay_out_for_copying(const TrainingOptions& options, Transformer& model) {
  const at::Tensor values = model.parameters().cpu();  // itself where it lies there
  const std::span parameters(values.data_ptr<float>(), static_cast<std::size_t>(values.numel()));
  EPICRISIS_RETURN_IF_ERROR(
      initialise_for_copying(model.architecture(), model.layout(), options.seed, parameters));
  if (!model.device().is_cpu()) model.parameters().copy_(values);
  return {};
}

/// The model and its optimizer are gone when this ends: the report needs their memory.
Result<Json> train_model(const TrainingOptions& options, TrainingSetup& setup, TrainingObserver& observer,
                         ProcessGroup& group) {
  EPICRISIS_ASSIGN_OR_RETURN(Transformer model,
                             Transformer::create(setup.start.architecture, options.trained,
                                                 choose_device(options.no_cuda, group.place().local_rank)));
  model.set_bfloat16(options.bf16);
  model.set_gradient_checkpointing(options.gradient_checkpointing);
  model.set_alignment_guide(setup.alignment);
  model.initialise_adapters(options.seed);
  if (setup.from_scratch) {
    model.initialise(options.seed);
    if (options.init == Initialization::kCopying)
      EPICRISIS_RETURN_IF_ERROR(lay_out_for_copying(options, model));
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

/// Memory for each of the processes that share this machine. What a CUDA device has is not known here: a
/// run there is held against --max-memory alone.
Result<void> check_memory_of(const TrainingSetup& setup, const TrainingOptions& options,
                             const ProcessPlace& place) {
  const bool on_cpu = choose_device(options.no_cuda, place.local_rank).is_cpu();
  if (!on_cpu && options.max_memory.empty()) return {};
  TrainingOptions own = options;
  if (place.local_size > 1 && on_cpu) {
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

/// The model is trained and saved: a report that fails must not undo that.
void report_if_possible(const TrainingOptions& options, const TrainingSetup& setup, const Json& results,
                        TrainingObserver& observer) {
  std::string problem;
  try {
    const auto written = write_training_report(options, setup, results, observer);
    if (written) return;
    problem = written.error().to_line();
  } catch (const std::exception& failure) {
    problem = failure.what();
  }
  observer.on_warning("There is no report.html: " + problem);
}

/// Tokens of notes that nobody asked to keep are gone when a run ends, however it ends: what is left for
/// resuming is made again from the files.
class TransientCache {
 public:
  TransientCache(const TrainingOptions& options, TrainingObserver& observer) : observer_(observer) {
    if (options.dataset_cache_dir.empty() && options.prepared_data.empty() && !options.prepare_only)
      folder_ = dataset_cache_dir(options);
  }
  TransientCache(const TransientCache&) = delete;
  TransientCache& operator=(const TransientCache&) = delete;
  ~TransientCache() {
    std::error_code failure;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, failure);
    if (failure) observer_.on_warning("Tokens of notes could not be removed: " + folder_.string());
  }

 private:
  TrainingObserver& observer_;
  std::filesystem::path folder_;
};

Result<Json> train_into_folder(const TrainingOptions& options, TrainingObserver& observer,
                               ProcessGroup& group) {
  use_threads(options, group.place());
  if (!limit_blas_threads())
    observer.on_warning(
        "LibTorch runs on a BLAS that is not OpenBLAS and is far slower; install libopenblas0-pthread.");
  const TransientCache cache(options, observer);
  EPICRISIS_ASSIGN_OR_RETURN(TrainingSetup setup, prepare_training(options, observer));
  if (options.prepare_only)
    return Json{{"prepared_data", setup.data["folder"]}, {"statistics", setup.data["statistics"]}};
  EPICRISIS_RETURN_IF_ERROR(check_memory_of(setup, options, group.place()));
  EPICRISIS_RETURN_IF_ERROR(let_followers_start(group, setup));
  EPICRISIS_ASSIGN_OR_RETURN(Json results, train_model(options, setup, observer, group));
  report_if_possible(options, setup, results, observer);
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
  EPICRISIS_RETURN_IF_ERROR(check_options(options, choose_device(options.no_cuda, place.local_rank)));
  EPICRISIS_RETURN_IF_ERROR(check_course(options));
  if (place.size > 1 && options.prepare_only)
    return invalid("--prepare-only is for one process; prepare first, and then train with --prepared-data.");
  EPICRISIS_ASSIGN_OR_RETURN(ProcessGroup group, ProcessGroup::join(place));
  if (!group.is_main()) return follow(options, observer, group);
  // Early, so that a folder that cannot be written is known before the data is read.
  EPICRISIS_ASSIGN_OR_RETURN(const OutputFolder output, OutputFolder::open(options));
  return train_into_folder(options, observer, group);
}

}  // namespace epicrisis::train
