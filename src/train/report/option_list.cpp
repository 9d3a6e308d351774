#include "train/report/option_list.hpp"

#include <fmt/format.h>

namespace epicrisis::train {
namespace {
namespace fs = std::filesystem;
using O = TrainingOptions;

std::string name_of(Interval interval) {
  switch (interval) {
    case Interval::kNo:
      return "no";
    case Interval::kSteps:
      return "steps";
    case Interval::kEpoch:
      return "epoch";
  }
  return "";
}

std::vector<std::string> texts(const std::vector<fs::path>& paths) { return {paths.begin(), paths.end()}; }

OrderedJson what_is_trained(const O& o) {
  const data::GapSentenceOptions& gaps = o.gap_sentences;
  return {{"objective", o.objective == Objective::kSummarize ? "summarize" : "gap-sentences"},
          {"train_file", texts(o.train_files)},
          {"validation_file", texts(o.validation_files)},
          {"note_column", o.note_column},
          {"summary_column", o.summary_column},
          {"model_name_or_path", o.model.string()},
          {"tokenizer", o.tokenizer.string()},
          {"init", o.init == Initialization::kNormal ? "normal" : "copying"},
          {"config_overrides", o.config_overrides},
          {"output_dir", o.output_dir.string()},
          {"gap_sentence_ratio", fmt::format("{}-{}", gaps.ratio_min, gaps.ratio_max)},
          {"max_source_length", o.max_source_length},
          {"max_target_length", o.max_target_length},
          {"max_train_samples", o.max_train_samples},
          {"max_eval_samples", o.max_eval_samples}};
}

OrderedJson how_it_is_trained(const O& o) {
  return {{"per_device_train_batch_size", o.per_device_train_batch_size},
          {"per_device_eval_batch_size", o.per_device_eval_batch_size},
          {"tokens_per_batch", o.tokens_per_batch},
          {"gradient_accumulation_steps", o.gradient_accumulation_steps},
          {"group_by_length", o.group_by_length},
          {"num_train_epochs", o.num_train_epochs},
          {"max_steps", o.max_steps},
          {"max_train_minutes", o.max_train_minutes},
          {"optim", o.optim},
          {"learning_rate", o.learning_rate},
          {"weight_decay", o.weight_decay},
          {"adam_beta1", o.adam_beta1},
          {"adam_beta2", o.adam_beta2},
          {"adam_epsilon", o.adam_epsilon},
          {"max_grad_norm", o.max_grad_norm},
          {"lr_scheduler_type", o.lr_scheduler_type},
          {"warmup_steps", o.warmup_steps},
          {"warmup_ratio", o.warmup_ratio},
          {"label_smoothing_factor", o.label_smoothing_factor},
          {"bf16", o.bf16},
          {"seed", o.seed},
          {"threads", o.threads}};
}

OrderedJson how_it_is_watched(const O& o) {
  return {{"logging_steps", o.logging_steps},
          {"logging_dir", logging_folder(o).string()},
          {"report_examples", o.report_examples},
          {"eval_strategy", name_of(o.eval_strategy)},
          {"eval_steps", o.eval_steps},
          {"save_strategy", name_of(o.save_strategy)},
          {"save_steps", o.save_steps},
          {"save_total_limit", o.save_total_limit},
          {"predict_with_generate", o.predict_with_generate},
          {"load_best_model_at_end", o.load_best_model_at_end},
          {"metric_for_best_model", o.metric_for_best_model},
          {"generation_max_length", o.generation_max_length},
          {"generation_num_beams", o.generation_num_beams},
          {"resume_from_checkpoint", o.resume_from_checkpoint},
          {"generation_config", o.generation_overrides}};
}

}  // namespace

OrderedJson list_options(const TrainingOptions& options) {
  OrderedJson all = OrderedJson::object();
  for (const OrderedJson& part :
       {what_is_trained(options), how_it_is_trained(options), how_it_is_watched(options)})
    all.update(part);
  return all;
}

}  // namespace epicrisis::train
