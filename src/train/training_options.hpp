#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/tensor.hpp"
#include "data/gap_sentences.hpp"
#include "train/lr_schedule.hpp"
#include "train/trained_parameters.hpp"

#ifndef EPICRISIS_TRAIN_ONLY
#define EPICRISIS_TRAIN_ONLY 0  // 1: without what reads text (docs/gpu.md)
#endif

namespace epicrisis::train {

enum class Objective { kSummarize, kGapSentences };
enum class Interval { kNo, kSteps, kEpoch };
/// Weights of a new model: the reference's random ones, or those laid out to copy
/// (copying_initialization.hpp).
enum class Initialization { kNormal, kCopying };

/// What a training run is asked to do; named and meaning as transformers' Seq2SeqTrainingArguments where that
/// has the setting. Defaults suit fine-tuning a small pre-trained model on one to two thousand short pairs.
struct TrainingOptions {
  // What is trained, on what.
  Objective objective = Objective::kSummarize;
  /// CSV or JSON Lines, plain text for gap sentences; paths or URIs (data/data_location.hpp).
  std::vector<std::filesystem::path> train_files;
  std::vector<std::filesystem::path> validation_files;
  std::string note_column = "note";
  std::string summary_column = "summary";
  double validation_split_percentage = 0;         ///< Of the training rows, for want of validation files.
  std::uint64_t validation_split_seed = 42;       ///< Settles which.
  std::string prompt_template;                    ///< Text with "{note}" once; empty: the model's own prefix.
  std::filesystem::path dataset_cache_dir;        ///< Empty: in output_dir, gone when the run has finished.
  std::filesystem::path prepared_data;            ///< Folder that prepare_only left; in place of files.
  bool prepare_only = false;                      ///< Tokenize, report, stop.
  std::filesystem::path model;                    ///< Folder to fine-tune; empty: from scratch.
  std::filesystem::path tokenizer;                ///< Folder; empty: the model's.
  Initialization init = Initialization::kNormal;  ///< Of a model from scratch.
  std::map<std::string, std::string> config_overrides;  ///< Keys of config.json.
  std::filesystem::path output_dir;
  bool overwrite_output_dir = false;
  data::GapSentenceOptions gap_sentences;

  // Sizes.
  std::size_t max_source_length = 512;
  std::size_t max_target_length = 128;
  std::size_t per_device_train_batch_size = 16;
  std::size_t per_device_eval_batch_size = 32;
  std::size_t tokens_per_batch = 0;  ///< Not 0: batches are filled up to so many tokens instead.
  std::size_t gradient_accumulation_steps = 1;
  bool group_by_length = false;
  std::size_t max_train_samples = 0;  ///< 0: all.
  std::size_t max_eval_samples = 0;   ///< 0: all.

  // How long.
  double num_train_epochs = 15;
  std::int64_t max_steps = -1;   ///< Above 0: overrides num_train_epochs.
  double max_train_minutes = 0;  ///< Not 0: the run ends there and the schedule is stretched to end with it.

  // Optimization.
  std::string optim = "adamw";
  double learning_rate = 5e-4;
  double weight_decay = 0.01;
  double adam_beta1 = 0.9;
  double adam_beta2 = 0.999;
  double adam_epsilon = 1e-8;
  double max_grad_norm = 1.0;
  LrScheduleKind lr_scheduler_type = LrScheduleKind::kLinear;
  std::map<std::string, std::string> lr_scheduler_kwargs;  ///< lr_schedule.hpp: num_cycles, power, ...
  std::int64_t warmup_steps = 0;                           ///< Not 0: overrides warmup_ratio.
  double warmup_ratio = 0.1;
  double label_smoothing_factor = 0.1;
  std::vector<std::string> alignment_heads;       ///< "layer:head"; empty: those that config.json names.
  std::optional<double> guided_alignment_weight;  ///< Left out: see settle_alignment_guide().
  bool bf16 = false;
  bool no_cuda = false;                 ///< Train on the CPU where LibTorch has CUDA devices, too.
  bool gradient_checkpointing = false;  ///< Compute activations again in backward instead of keeping them.
  TrainedParameters trained;            ///< What is frozen or adapted instead of trained.
  bool dry_run = false;                 ///< Say what memory and time the run would take, and end.
  std::string max_memory;               ///< What the run may take, as "24GiB"; empty: what the machine has.
  std::uint64_t seed = 42;
  int threads = 0;  ///< Of each process; 0: one a core, shared out among the processes of the machine.
  int nproc = 1;    ///< Processes that epicrisis-train starts; no more where torchrun has (RANK).

  // Reports, evaluation, checkpoints.
  std::string run_name;  ///< In the report; empty: the output folder's.
  std::int64_t logging_steps = 25;
  bool logging_first_step = false;
  std::filesystem::path logging_dir;  ///< Of TensorBoard event files; empty: output_dir/runs.
  std::size_t report_examples = 10;   ///< Worst and random ones in report.html, each; 0: no note text.
  bool disable_tqdm = false;          ///< No progress bar.
  Interval eval_strategy = Interval::kEpoch;  ///< Needs validation files; without, there is no evaluation.
  std::optional<std::int64_t> eval_steps;     ///< Left out: logging_steps.
  Interval save_strategy = Interval::kEpoch;
  std::int64_t save_steps = 500;
  std::optional<std::size_t> save_total_limit =
      2;  ///< Checkpoints kept, the best among them; none or 0: all.
  bool predict_with_generate = EPICRISIS_TRAIN_ONLY == 0;
  bool load_best_model_at_end = true;
  std::string metric_for_best_model;      ///< Empty: "rougeL" with predict_with_generate, else "loss".
  std::optional<bool> greater_is_better;  ///< Of that metric; left out: not for losses.
  std::int64_t early_stopping_patience =
      0;                                   ///< Evaluations without improvement that end the run; 0: none do.
  double early_stopping_threshold = 0;     ///< What an improvement must exceed to count.
  std::int64_t generation_max_length = 0;  ///< 0: max_target_length.
  int generation_num_beams = 1;            ///< While training.
  /// A checkpoint folder; "last": the newest in output_dir, if any; "true": the newest, which must be there.
  std::string resume_from_checkpoint;

  // What the finished model carries.
  DType save_dtype = DType::kFloat32;
  std::map<std::string, std::string> generation_overrides;  ///< Keys of generation_config.json.
};

/// Where event files go: logging_dir, or else runs in the output folder.
inline std::filesystem::path logging_folder(const TrainingOptions& options) {
  return options.logging_dir.empty() ? options.output_dir / "runs" : options.logging_dir;
}

}  // namespace epicrisis::train
