// Every option of a training run, once. Names and meanings are those of transformers'
// Seq2SeqTrainingArguments where it has the setting; docs/training.md says where defaults differ and why.
#include <fmt/format.h>

#include "train/detail/option_values.hpp"

namespace epicrisis::train {
namespace {

using namespace detail;
using O = TrainingOptions;
using Entries = std::vector<TrainingOption>;

const std::vector<std::pair<std::string, Interval>> kIntervals = {
    {"no", Interval::kNo}, {"steps", Interval::kSteps}, {"epoch", Interval::kEpoch}};

const std::vector<std::pair<std::string, LrScheduleKind>> kSchedules = {
    {"linear", LrScheduleKind::kLinear},
    {"cosine", LrScheduleKind::kCosine},
    {"cosine_with_restarts", LrScheduleKind::kCosineWithRestarts},
    {"polynomial", LrScheduleKind::kPolynomial},
    {"constant", LrScheduleKind::kConstant},
    {"constant_with_warmup", LrScheduleKind::kConstantWithWarmup},
    {"inverse_sqrt", LrScheduleKind::kInverseSqrt}};

Entries data_options() {
  return {
      paths({"train_file"}, &O::train_files,
            "CSV or JSON Lines of notes and summaries; text for gap sentences (repeatable)"),
      paths({"validation_file"}, &O::validation_files, "The same, to evaluate on (repeatable)"),
      option({"note_column"}, &O::note_column, "Column of the source text"),
      option({"summary_column"}, &O::summary_column, "Column of the target text"),
      option({"validation_split_percentage"}, &O::validation_split_percentage,
             "Evaluate on so many percent of the training rows, for want of validation files; 0: off",
             within(0, 99)),
      option({"validation_split_seed"}, &O::validation_split_seed, "Settles which rows those are"),
      option({"prompt_template"}, &O::prompt_template,
             "What the model reads, the note as {note}; kept in the finished model"),
      option({"dataset_cache_dir"}, &O::dataset_cache_dir,
             "Folder that keeps tokenized data for later runs; left out: until this run has finished"),
      option({"prepare_only"}, &O::prepare_only, "Tokenize the data, tell of it, and stop"),
      option({"prepared_data"}, &O::prepared_data, "Folder that prepare_only made, in place of train_file"),
      option({"max_source_length"}, &O::max_source_length, "Tokens kept of a source", at_least(8)),
      option({"max_target_length"}, &O::max_target_length, "Tokens kept of a target", at_least(4)),
      option({"max_train_samples"}, &O::max_train_samples, "Use only so many training rows; 0: all"),
      option({"max_eval_samples"}, &O::max_eval_samples, "Use only so many validation rows; 0: all"),
  };
}

Entries model_options() {
  return {
      option({"model_name_or_path", "model"}, &O::model,
             "Model to fine-tune: a folder, a .tar.gz or a name; left out: a new model"),
      option({"tokenizer", "tokenizer_name"}, &O::tokenizer, "Tokenizer folder; left out: the model's"),
      pairs({"config_overrides"}, &O::config_overrides,
            "Shape of a new model: model_type=pegasus,d_model=256,encoder_layers=4,..."),
      choice({"init"}, &O::init, {{"normal", Initialization::kNormal}, {"copying", Initialization::kCopying}},
             "Weights of a new model: random, or laid out to copy from the source"),
      option({"output_dir"}, &O::output_dir, "Folder for the trained model and all that belongs to the run"),
      option({"overwrite_output_dir"}, &O::overwrite_output_dir, "Replace what an earlier run left there"),
      choice({"save_dtype"}, &O::save_dtype,
             {{"fp32", DType::kFloat32}, {"bf16", DType::kBFloat16}, {"fp16", DType::kFloat16}},
             "Type of the finished weights"),
      pairs({"generation_config"}, &O::generation_overrides,
            "Settings of the finished generation_config.json: num_beams=4,length_penalty=0.8,..."),
  };
}

/// "0.3" or "0.15-0.45".
Result<void> set_gap_ratio(TrainingOptions& options, std::span<const std::string> values) {
  const std::string_view text = values.back();
  const std::size_t dash = text.find('-');
  const Limits share{0, 1, true, true};
  const auto least = read_real(text.substr(0, dash), share);
  const auto most = dash == std::string_view::npos ? least : read_real(text.substr(dash + 1), share);
  if (!least || !most || *least > *most)
    return must_be("a share or a range between 0 and 1, as 0.3 or 0.15-0.45", text);
  options.gap_sentences.ratio_min = *least;
  options.gap_sentences.ratio_max = *most;
  return {};
}

Json gap_ratio(const TrainingOptions& options) {
  const data::GapSentenceOptions& gaps = options.gap_sentences;
  return gaps.ratio_min == gaps.ratio_max ? Json(fmt::format("{}", gaps.ratio_min))
                                          : Json(fmt::format("{}-{}", gaps.ratio_min, gaps.ratio_max));
}

Entries gap_sentence_options() {
  return {
      choice({"objective"}, &O::objective,
             {{"summarize", Objective::kSummarize}, {"gap-sentences", Objective::kGapSentences}},
             "What is learnt: summaries, or to fill in gap sentences of plain text"),
      {{"gap_sentence_ratio"},
       "Share of sentences masked, or a range drawn from",
       "F[-F]",
       OptionArity::kOne,
       set_gap_ratio,
       gap_ratio},
      option(
          {"gap_sentence_keep_ratio"}, [](auto& o) -> auto& { return o.gap_sentences.keep_ratio; },
          "Share of chosen sentences left visible", within(0, 1)),
      option(
          {"gap_sentence_noise"}, [](auto& o) -> auto& { return o.gap_sentences.score_noise; },
          "Relative noise on sentence scores", within(0, 1)),
      choice(
          {"gap_sentence_selection"}, [](auto& o) -> auto& { return o.gap_sentences.selection; },
          {{"independent", data::GapSelection::kIndependent},
           {"sequential", data::GapSelection::kSequential}},
          "How sentences are chosen"),
  };
}

Entries length_options() {
  return {
      option({"num_train_epochs"}, &O::num_train_epochs, "Passes over the data", above(0)),
      option({"max_steps"}, &O::max_steps, "Updates; overrides num_train_epochs when above 0", at_least(-1)),
      option({"max_train_minutes"}, &O::max_train_minutes,
             "End after so many minutes, the schedule with it; 0: no limit", at_least(0)),
      option({"per_device_train_batch_size"}, &O::per_device_train_batch_size,
             "Examples a batch, in each process", at_least(1)),
      option({"tokens_per_batch"}, &O::tokens_per_batch, "Fill batches up to so many tokens instead; 0: off"),
      option({"gradient_accumulation_steps"}, &O::gradient_accumulation_steps, "Batches an update",
             at_least(1)),
      option({"group_by_length"}, &O::group_by_length, "Put examples of similar length into a batch"),
  };
}

Entries optimization_options() {
  return {
      choice({"optim"}, &O::optim,
             {{"adam", "adam"},
              {"adamw", "adamw"},
              {"adamw_torch", "adamw"},
              {"adamw_torch_fused", "adamw"},
              {"sgd", "sgd"},
              {"adafactor", "adafactor"}},
             "Optimizer"),
      option({"learning_rate"}, &O::learning_rate, "Peak learning rate", above(0)),
      option({"weight_decay"}, &O::weight_decay, "Spares biases and norm weights", at_least(0)),
      option({"adam_beta1"}, &O::adam_beta1, "Decay of first moments", share_below_one()),
      option({"adam_beta2"}, &O::adam_beta2, "Decay of second moments", share_below_one()),
      option({"adam_epsilon"}, &O::adam_epsilon, "Added to the root of second moments", at_least(0)),
      option({"max_grad_norm"}, &O::max_grad_norm, "Gradient clipping; 0: off", at_least(0)),
      choice({"lr_scheduler_type"}, &O::lr_scheduler_type, kSchedules, "How the rate changes"),
      pairs({"lr_scheduler_kwargs"}, &O::lr_scheduler_kwargs,
            "Its settings: num_cycles, power, lr_end, timescale"),
      option({"warmup_steps"}, &O::warmup_steps,
             "Updates over which the rate rises; overrides warmup_ratio when above 0", at_least(0)),
      option({"warmup_ratio"}, &O::warmup_ratio, "The same as a share of all updates", share_below_one()),
      option({"label_smoothing_factor"}, &O::label_smoothing_factor, "0: off", share_below_one()),
      texts(
          {"alignment_heads"}, &O::alignment_heads,
          "Heads of cross-attention, as LAYER:HEAD, taught to look where the next token is copied from; left "
          "out: those of config.json"),
      option({"guided_alignment_weight"}, &O::guided_alignment_weight,
             "How much that counts beside the cross-entropy; left out: 0.5 where there are such heads",
             at_least(0)),
      option({"bf16"}, &O::bf16, "Train in bfloat16; on a CPU needs AVX512_BF16 or AMX"),
      option({"no_cuda", "use_cpu"}, &O::no_cuda, "Train on the CPU even where there are CUDA devices"),
      option({"seed"}, &O::seed, "Settles order, masking, dropout and new weights"),
      option({"threads"}, &O::threads, "CPU threads of a process; 0: one a core, shared out",
             within(0, 1024)),
      option({"nproc", "nproc_per_node"}, &O::nproc,
             "Processes that train together, each on its share of every batch", within(1, 256)),
  };
}

Entries parameter_options() {
  return {
      option({"gradient_checkpointing"}, &O::gradient_checkpointing,
             "Compute activations again in backward instead of keeping them"),
      texts(
          {"freeze"}, [](auto& o) -> auto& { return o.trained.freeze; },
          fmt::format("Parts not to train: {}, or regular expressions that match in names",
                      joined(frozen_components(), ", "))),
      option(
          {"lora_rank", "lora_r"}, [](auto& o) -> auto& { return o.trained.lora.rank; },
          "Train low-rank adapters of this rank; 0: the model", at_least(0)),
      option(
          {"lora_alpha"}, [](auto& o) -> auto& { return o.trained.lora.alpha; },
          "They are scaled by alpha / rank", above(0)),
      option(
          {"lora_dropout"}, [](auto& o) -> auto& { return o.trained.lora.dropout; }, "Of what they read",
          share_below_one()),
      texts(
          {"lora_target_modules"}, [](auto& o) -> auto& { return o.trained.lora.target_modules; },
          "Modules they adapt: q_proj,v_proj, ..., or all-linear; left out: as PEFT"),
      option({"dry_run"}, &O::dry_run, "Say what memory and time the run would take, and end"),
      option({"max_memory"}, &O::max_memory, "What the run may take, as 24GiB; left out: the machine's"),
  };
}

Entries evaluation_options() {
  return {
      choice({"eval_strategy", "evaluation_strategy"}, &O::eval_strategy, kIntervals,
             "When to evaluate, given validation data"),
      option({"eval_steps"}, &O::eval_steps,
             "Updates between evaluations with 'steps'; left out: logging_steps", at_least(1)),
      option({"per_device_eval_batch_size"}, &O::per_device_eval_batch_size, "Examples a batch in evaluation",
             at_least(1)),
      option({"predict_with_generate"}, &O::predict_with_generate, "Evaluate ROUGE of generated summaries"),
      option({"generation_max_length"}, &O::generation_max_length,
             "Longest summary in tokens; 0: max_target_length", at_least(0)),
      option({"generation_num_beams"}, &O::generation_num_beams, "Beams in evaluation", within(1, 64)),
      option({"metric_for_best_model"}, &O::metric_for_best_model,
             "loss, rouge1, rouge2, rougeL or rougeLsum; left out: rougeL, or loss without generation"),
      option({"greater_is_better"}, &O::greater_is_better,
             "Whether the best is the greatest; left out: yes, but for losses"),
      option({"load_best_model_at_end"}, &O::load_best_model_at_end,
             "Finish with the best evaluated weights"),
      option({"early_stopping_patience"}, &O::early_stopping_patience,
             "End after so many evaluations in a row without improvement; 0: never", at_least(0)),
      option({"early_stopping_threshold"}, &O::early_stopping_threshold,
             "What an improvement must exceed to count", at_least(0)),
  };
}

Entries report_options() {
  return {
      option({"logging_steps"}, &O::logging_steps, "Updates between lines of metrics.jsonl", at_least(1)),
      option({"logging_first_step"}, &O::logging_first_step, "A line after the first update too"),
      option({"logging_dir"}, &O::logging_dir,
             "Folder of TensorBoard event files; left out: OUTPUT_DIR/runs"),
      option({"report_examples"}, &O::report_examples,
             "Worst and random validation notes shown in report.html, so many each; 0: no note text"),
      option({"run_name"}, &O::run_name, "Title of report.html; left out: the output folder's name"),
      option({"disable_tqdm"}, &O::disable_tqdm, "No progress bar"),
  };
}

Entries checkpoint_options() {
  return {
      choice({"save_strategy"}, &O::save_strategy, kIntervals, "When to write checkpoint-<step>"),
      option({"save_steps"}, &O::save_steps, "Updates between checkpoints with 'steps'", at_least(1)),
      option({"save_total_limit"}, &O::save_total_limit,
             "Checkpoints kept, the best always among them; null or 0: all"),
      {{"resume_from_checkpoint"},
       "Go on from a checkpoint folder, or from the newest: 'last' (if there is one), or alone",
       "DIR|last",
       OptionArity::kSwitch,
       [](TrainingOptions& o, std::span<const std::string> values) -> Result<void> {
         o.resume_from_checkpoint = values.empty() ? "true" : values.back();
         return {};
       },
       [](const TrainingOptions& o) { return value_to_json(o.resume_from_checkpoint); }},
  };
}

}  // namespace

const std::vector<TrainingOption>& training_option_table() {
  static const std::vector<TrainingOption> table = [] {
    Entries all;
    for (auto& [group, entries] : {std::pair{"Data", data_options()},
                                   {"Model", model_options()},
                                   {"Objective", gap_sentence_options()},
                                   {"Length", length_options()},
                                   {"Optimization", optimization_options()},
                                   {"Parameters and memory", parameter_options()},
                                   {"Evaluation", evaluation_options()},
                                   {"Reports", report_options()},
                                   {"Checkpoints", checkpoint_options()}})
      for (TrainingOption entry : entries) {
        entry.group = group;
        all.push_back(std::move(entry));
      }
    return all;
  }();
  return table;
}

}  // namespace epicrisis::train
