#include "training_command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/nearest_name.hpp"

namespace epicrisis {
namespace {

using train::Interval;
using train::TrainingOptions;
using Settings = std::map<std::string, std::string>;

/// Options whose value needs more than CLI11's own conversion.
struct RawOptions {
  std::vector<std::string> config_overrides;
  std::vector<std::string> generation_settings;
  std::string gap_ratio;
};

const std::map<std::string, train::Objective> kObjectives = {
    {"summarize", train::Objective::kSummarize}, {"gap-sentences", train::Objective::kGapSentences}};
const std::map<std::string, Interval> kIntervals = {
    {"no", Interval::kNo}, {"steps", Interval::kSteps}, {"epoch", Interval::kEpoch}};
const std::map<std::string, train::Initialization> kInitializations = {
    {"normal", train::Initialization::kNormal}, {"copying", train::Initialization::kCopying}};
const std::map<std::string, DType> kSaveTypes = {
    {"fp32", DType::kFloat32}, {"bf16", DType::kBFloat16}, {"fp16", DType::kFloat16}};
const std::map<std::string, data::GapSelection> kSelections = {
    {"independent", data::GapSelection::kIndependent}, {"sequential", data::GapSelection::kSequential}};

template <class T>
CLI::Option* add_choice(CLI::App& app, const std::string& name, T& target,
                        const std::map<std::string, T>& choices, const std::string& help) {
  std::vector<std::string> names;
  for (const auto& choice : choices) names.push_back(choice.first);
  return app
      .add_option_function<std::string>(
          name, [&target, &choices](const std::string& value) { target = choices.at(value); },
          fmt::format("{}: {}", help, fmt::join(names, ", ")))
      ->check(CLI::IsMember(names));
}

void add_data_options(CLI::App& app, TrainingOptions& o, RawOptions& raw) {
  add_choice(app, "--objective", o.objective, kObjectives, "What is learnt (default summarize)");
  app.add_option("--train-file", o.train_files,
                 "CSV or JSON Lines of notes and summaries; text for gap sentences (repeatable)");
  app.add_option("--validation-file", o.validation_files, "The same, to evaluate on (repeatable)");
  app.add_option("--note-column", o.note_column, "Column of the source text")->capture_default_str();
  app.add_option("--summary-column", o.summary_column, "Column of the target text")->capture_default_str();
  app.add_option("--model-name-or-path,--model", o.model,
                 "Model to fine-tune: a folder, a .tar.gz or a name; left out: a new model");
  app.add_option("--tokenizer", o.tokenizer, "Tokenizer folder; left out: the model's");
  app.add_option("--config-overrides", raw.config_overrides,
                 "A new model: model_type=pegasus,d_model=256,encoder_layers=4,...")
      ->delimiter(',');
  add_choice(app, "--init", o.init, kInitializations,
             "Weights of a new model: random, or laid out to copy from the source (default normal)");
  app.add_option("--output-dir,-o", o.output_dir, "Folder for the trained model");
  app.add_flag("--overwrite-output-dir", o.overwrite_output_dir, "Replace a finished run there");
  app.add_option("--max-source-length", o.max_source_length, "Tokens kept of a source")
      ->capture_default_str();
  app.add_option("--max-target-length", o.max_target_length, "Tokens kept of a target")
      ->capture_default_str();
  app.add_option("--max-train-samples", o.max_train_samples, "Use only so many training rows; 0: all")
      ->capture_default_str();
  app.add_option("--max-eval-samples", o.max_eval_samples, "Use only so many validation rows; 0: all")
      ->capture_default_str();
}

void add_gap_sentence_options(CLI::App& app, TrainingOptions& o, RawOptions& raw) {
  app.add_option("--gap-sentence-ratio", raw.gap_ratio,
                 "Share of sentences masked, or a range drawn from (default 0.15-0.45)");
  app.add_option("--gap-sentence-keep-ratio", o.gap_sentences.keep_ratio,
                 "Share of chosen sentences left visible")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--gap-sentence-noise", o.gap_sentences.score_noise, "Relative noise on sentence scores")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  add_choice(app, "--gap-sentence-selection", o.gap_sentences.selection, kSelections,
             "How sentences are chosen (default independent)");
}

void add_optimization_options(CLI::App& app, TrainingOptions& o) {
  app.add_option("--num-train-epochs", o.num_train_epochs, "Passes over the data")->capture_default_str();
  app.add_option("--max-steps", o.max_steps, "Updates; overrides --num-train-epochs when not 0")
      ->capture_default_str();
  app.add_option("--max-train-minutes", o.max_train_minutes,
                 "End after so many minutes, the schedule with it; 0: no limit")
      ->capture_default_str();
  app.add_option("--per-device-train-batch-size", o.per_device_train_batch_size, "Examples a batch")
      ->capture_default_str();
  app.add_option("--per-device-eval-batch-size", o.per_device_eval_batch_size,
                 "Examples a batch in evaluation")
      ->capture_default_str();
  app.add_option("--tokens-per-batch", o.tokens_per_batch,
                 "Fill batches up to so many tokens instead; 0: off")
      ->capture_default_str();
  app.add_option("--gradient-accumulation-steps", o.gradient_accumulation_steps, "Batches an update")
      ->capture_default_str();
  app.add_flag("--group-by-length", o.group_by_length, "Put examples of similar length into a batch");
  app.add_option("--optim", o.optim, "adam or adamw")
      ->check(CLI::IsMember({"adam", "adamw"}))
      ->capture_default_str();
  app.add_option("--learning-rate", o.learning_rate, "Peak learning rate")->capture_default_str();
  app.add_option("--weight-decay", o.weight_decay, "Spares biases and norm weights")->capture_default_str();
  app.add_option("--adam-beta1", o.adam_beta1, "Decay of first moments")->capture_default_str();
  app.add_option("--adam-beta2", o.adam_beta2, "Decay of second moments")->capture_default_str();
  app.add_option("--adam-epsilon", o.adam_epsilon, "Added to the root of second moments")
      ->capture_default_str();
  app.add_option("--max-grad-norm", o.max_grad_norm, "Gradient clipping; 0: off")->capture_default_str();
  app.add_option("--lr-scheduler-type", o.lr_scheduler_type,
                 "linear, cosine, constant or constant_with_warmup")
      ->capture_default_str();
  app.add_option("--warmup-steps", o.warmup_steps, "Overrides --warmup-ratio when not 0")
      ->capture_default_str();
  app.add_option("--warmup-ratio", o.warmup_ratio, "Share of updates over which the rate rises")
      ->capture_default_str();
  app.add_option("--label-smoothing-factor", o.label_smoothing_factor, "0: off")->capture_default_str();
  app.add_flag("--bf16", o.bf16, "Train in bfloat16; needs a CPU with AVX512_BF16 or AMX");
  app.add_option("--seed", o.seed, "Settles order, masking, dropout and new weights")->capture_default_str();
  app.add_option("--threads", o.threads, "CPU threads; 0: one a core")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
}

void add_reporting_options(CLI::App& app, TrainingOptions& o, RawOptions& raw) {
  app.add_option("--run-name", o.run_name, "Title of report.html (default: the output folder's name)");
  app.add_option("--logging-dir", o.logging_dir,
                 "Folder for TensorBoard event files (default: runs in the output folder)");
  app.add_option("--report-examples", o.report_examples,
                 "Worst and random validation notes shown in report.html, so many each; 0: no note text")
      ->capture_default_str();
  app.add_option("--logging-steps", o.logging_steps, "Updates between lines of metrics.jsonl")
      ->capture_default_str();
  add_choice(app, "--eval-strategy,--evaluation-strategy", o.eval_strategy, kIntervals,
             "When to evaluate, given --validation-file (default epoch)");
  app.add_option("--eval-steps", o.eval_steps, "Updates between evaluations with 'steps'")
      ->capture_default_str();
  add_choice(app, "--save-strategy", o.save_strategy, kIntervals,
             "When to write checkpoint-<step> (default epoch)");
  app.add_option("--save-steps", o.save_steps, "Updates between checkpoints with 'steps'")
      ->capture_default_str();
  app.add_option("--save-total-limit", o.save_total_limit, "Checkpoints kept besides the best; 0: all")
      ->capture_default_str();
  app.add_option("--predict-with-generate", o.predict_with_generate, "Evaluate ROUGE of generated summaries")
      ->capture_default_str();
  app.add_option("--load-best-model-at-end", o.load_best_model_at_end, "Finish with the best checkpoint")
      ->capture_default_str();
  app.add_option("--metric-for-best-model", o.metric_for_best_model,
                 "loss, rouge1, rouge2, rougeL or rougeLsum (default rougeL)");
  app.add_option("--generation-max-length", o.generation_max_length,
                 "Longest summary in tokens; 0: --max-target-length")
      ->capture_default_str();
  app.add_option("--generation-num-beams", o.generation_num_beams, "Beams in evaluation")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--generation-config", raw.generation_settings,
                 "Settings of generation_config.json: num_beams=4,length_penalty=0.8,...")
      ->delimiter(',');
  app.add_option("--resume-from-checkpoint", o.resume_from_checkpoint,
                 "A checkpoint folder, or 'last' for the newest, if any");
  add_choice(app, "--save-dtype", o.save_dtype, kSaveTypes, "Type of the finished weights (default fp32)");
}

Result<Settings> parse_settings(const std::vector<std::string>& items, std::string_view option) {
  Settings settings;
  for (const std::string& item : items) {
    const std::size_t equals = item.find('=');
    if (equals == 0 || equals == std::string::npos)
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("{} takes name=value pairs separated by commas.", option),
                   {}};
    settings[item.substr(0, equals)] = item.substr(equals + 1);
  }
  return settings;
}

Result<void> parse_ratio(const std::string& text, data::GapSentenceOptions& options) {
  if (text.empty()) return {};
  const std::size_t dash = text.find('-');
  try {
    options.ratio_min = std::stod(text.substr(0, dash));
    options.ratio_max = dash == std::string::npos ? options.ratio_min : std::stod(text.substr(dash + 1));
  } catch (const std::exception&) {
    options.ratio_min = -1;
  }
  if (options.ratio_min > 0 && options.ratio_min <= options.ratio_max && options.ratio_max < 1) return {};
  return Error{ErrorCode::kInvalidArgument,
               "--gap-sentence-ratio takes a share or a range between 0 and 1, as 0.3 or 0.15-0.45.",
               {}};
}

void normalise_names(std::vector<std::string>& arguments) {
  for (std::string& argument : arguments) {
    if (!argument.starts_with("--")) continue;
    const auto name_end =
        argument.begin() + static_cast<std::ptrdiff_t>(std::min(argument.find('='), argument.size()));
    std::replace(argument.begin(), name_end, '_', '-');
  }
}

/// The message for the first argument that names no option.
std::optional<Error> unknown_option(const CLI::App& app, const std::vector<std::string>& arguments) {
  std::vector<std::string> known;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  for (const std::string& argument : arguments) {
    if (!argument.starts_with("--")) continue;
    const std::string name = argument.substr(0, argument.find('='));
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::string_view nearest = nearest_name(name, known);
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("There is no option {}{} Run 'epicrisis train --help'.", name,
                             nearest.empty() ? "." : fmt::format("; did you mean {}?", nearest)),
                 {}};
  }
  return std::nullopt;
}

void add_all_options(CLI::App& app, TrainingOptions& options, RawOptions& raw) {
  add_data_options(app, options, raw);
  add_gap_sentence_options(app, options, raw);
  add_optimization_options(app, options);
  add_reporting_options(app, options, raw);
}

}  // namespace

std::vector<std::string> training_option_names() {
  TrainingOptions options;
  RawOptions raw;
  CLI::App app;
  app.set_help_flag();
  add_all_options(app, options, raw);
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (std::string name : option->get_lnames()) {
      std::replace(name.begin(), name.end(), '-', '_');
      names.push_back(std::move(name));
    }
  return names;
}

Result<TrainingCommand> parse_training_command(std::vector<std::string> arguments) {
  TrainingOptions options;
  RawOptions raw;
  CLI::App app{"Trains a summarizer: from scratch, by gap sentences, or from a pre-trained model.",
               "epicrisis train"};
  app.set_version_flag("--version", EPICRISIS_VERSION);
  add_all_options(app, options, raw);
  normalise_names(arguments);
  if (auto unknown = unknown_option(app, arguments)) return *unknown;
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // CLI11 takes them last first
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    return TrainingCommand{std::nullopt, app.help()};
  } catch (const CLI::CallForVersion&) {
    return TrainingCommand{std::nullopt, std::string(EPICRISIS_VERSION) + "\n"};
  } catch (const CLI::ParseError& failure) {
    return Error{ErrorCode::kInvalidArgument, failure.what(), {}};
  }
  EPICRISIS_ASSIGN_OR_RETURN(options.config_overrides,
                             parse_settings(raw.config_overrides, "--config-overrides"));
  EPICRISIS_ASSIGN_OR_RETURN(options.generation_overrides,
                             parse_settings(raw.generation_settings, "--generation-config"));
  EPICRISIS_RETURN_IF_ERROR(parse_ratio(raw.gap_ratio, options.gap_sentences));
  return TrainingCommand{std::move(options), {}};
}

}  // namespace epicrisis
