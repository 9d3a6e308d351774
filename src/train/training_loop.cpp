#include "train/training_loop.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/files.hpp"
#include "train/collation.hpp"
#include "train/evaluation.hpp"
#include "train/peak_memory.hpp"

namespace epicrisis::train {
namespace {
namespace fs = std::filesystem;

constexpr double kSecondsPerMinute = 60.0;

std::vector<std::uint32_t> lengths_of(const data::TokenisedDataset& examples) {
  std::vector<std::uint32_t> lengths;
  for (std::size_t i = 0; i < examples.size(); ++i)
    lengths.push_back(static_cast<std::uint32_t>(examples.length(i)));
  return lengths;
}

AdamSettings adam_settings(const TrainingOptions& options) {
  AdamSettings settings;
  settings.kind = options.optim == "adam" ? OptimizerKind::kAdam : OptimizerKind::kAdamW;
  settings.beta1 = options.adam_beta1;
  settings.beta2 = options.adam_beta2;
  settings.epsilon = options.adam_epsilon;
  settings.weight_decay = options.weight_decay;
  return settings;
}

std::string best_metric_name(const TrainingOptions& options) {
  if (!options.metric_for_best_model.empty()) return options.metric_for_best_model;
  return options.predict_with_generate && options.objective == Objective::kSummarize ? "rougeL" : "loss";
}

std::int64_t ceil_divide(std::size_t a, std::size_t b) { return static_cast<std::int64_t>((a + b - 1) / b); }

}  // namespace

TrainingLoop::TrainingLoop(const TrainingOptions& options, const TrainingSetup& setup, Transformer& model,
                           TrainingObserver& observer, const LrSchedule& schedule)
    : options_(options),
      setup_(setup),
      model_(model),
      observer_(observer),
      schedule_(schedule),
      optimizer_(model.layout(), adam_settings(options)),
      lengths_(lengths_of(*setup.train)),
      batch_options_{options.per_device_train_batch_size, options.tokens_per_batch, options.group_by_length} {
}

Result<TrainingLoop> TrainingLoop::create(const TrainingOptions& options, const TrainingSetup& setup,
                                          Transformer& model, TrainingObserver& observer) {
  EPICRISIS_ASSIGN_OR_RETURN(const LrScheduleKind kind, parse_lr_schedule(options.lr_scheduler_type));
  TrainingLoop loop(options, setup, model, observer, LrSchedule(kind, options.learning_rate, 0, 1));
  const std::size_t batches = data::plan_batches(loop.lengths_, loop.batch_options_, options.seed, 0).size();
  const std::int64_t updates_per_epoch = ceil_divide(batches, options.gradient_accumulation_steps);
  loop.total_steps_ = options.max_steps > 0
                          ? options.max_steps
                          : static_cast<std::int64_t>(
                                std::ceil(options.num_train_epochs * static_cast<double>(updates_per_epoch)));
  const std::int64_t warmup = options.warmup_steps > 0
                                  ? options.warmup_steps
                                  : static_cast<std::int64_t>(std::ceil(
                                        options.warmup_ratio * static_cast<double>(loop.total_steps_)));
  loop.schedule_ = LrSchedule(kind, options.learning_rate, warmup, loop.total_steps_);
  loop.identity_ = {options.seed, setup.train->size(), batches, options.gradient_accumulation_steps};
  EPICRISIS_RETURN_IF_ERROR(loop.resume());
  EPICRISIS_ASSIGN_OR_RETURN(loop.metrics_,
                             MetricsLog::open(options.output_dir, logging_folder(options), loop.state_.step));
  return loop;
}

Result<void> TrainingLoop::resume() {
  if (options_.resume_from_checkpoint.empty()) return {};
  fs::path folder = options_.resume_from_checkpoint;
  if (folder == "last") {
    const std::vector<fs::path> checkpoints = find_checkpoints(options_.output_dir);
    if (checkpoints.empty()) return {};  // nothing saved yet: a restartable recipe starts from the beginning
    folder = checkpoints.back();
  }
  EPICRISIS_RETURN_IF_ERROR(restore_run({model_, optimizer_, state_, identity_}, folder));
  elapsed_before_ = state_.elapsed_seconds;
  logged_tokens_ = state_.tokens;
  evaluated_step_ = saved_step_ = state_.step;
  return {};
}

double TrainingLoop::elapsed_seconds() const {
  return elapsed_before_ + std::chrono::duration<double>(Clock::now() - started_).count();
}

double TrainingLoop::epochs_done() const {
  return static_cast<double>(state_.epoch) +
         static_cast<double>(state_.batch_in_epoch) / static_cast<double>(epoch_batches_);
}

/// A run limited in time walks through its schedule by the clock when that is ahead of the steps.
double TrainingLoop::learning_rate() const {
  const auto step = static_cast<double>(state_.step);
  if (options_.max_train_minutes <= 0) return schedule_.rate_at(step);
  const double share = elapsed_seconds() / (options_.max_train_minutes * kSecondsPerMinute);
  return schedule_.rate_at(std::max(step, std::min(1.0, share) * static_cast<double>(total_steps_)));
}

bool TrainingLoop::finished() const {
  return state_.step >= total_steps_ || (options_.max_train_minutes > 0 &&
                                         elapsed_seconds() >= options_.max_train_minutes * kSecondsPerMinute);
}

data::PackedBatch TrainingLoop::packed(const std::vector<std::uint32_t>& batch) const {
  data::PackedBatch result;
  for (const std::uint32_t index : batch)
    append_example(result, setup_.train->example(index, state_.epoch), model_.architecture());
  return result;
}

/// One optimizer step over a few batches.
void TrainingLoop::update(std::span<const std::vector<std::uint32_t>> batches) {
  const double rate = learning_rate();
  model_.gradients().zero_();
  LossSettings settings;
  settings.label_smoothing = options_.label_smoothing_factor;
  settings.factor = 1.0 / static_cast<double>(batches.size());
  for (std::size_t i = 0; i < batches.size(); ++i) {
    const data::PackedBatch batch = packed(batches[i]);
    const data::RandomStream seeds(options_.seed, static_cast<std::uint64_t>(state_.step), i + 1);
    const at::Tensor loss = model_.loss(batch, settings, DropoutSeeds(data::RandomStream(seeds).next()));
    loss.backward();
    state_.logged_loss_sum += loss.item<double>();
    state_.tokens += static_cast<std::int64_t>(batch.tokens());
  }
  gradient_norm_ = gradient_norm(model_.gradients());
  optimizer_.step(model_.parameters(), model_.gradients(), rate,
                  clip_scale(gradient_norm_, options_.max_grad_norm));
  state_.batch_in_epoch += batches.size();
  ++state_.logged_steps;
  ++state_.step;
}

Result<void> TrainingLoop::log_training() {
  const Clock::time_point now = Clock::now();
  const double seconds = std::chrono::duration<double>(now - logged_at_).count();
  shown_loss_ = state_.logged_loss_sum / static_cast<double>(std::max<std::int64_t>(1, state_.logged_steps));
  shown_rate_ = static_cast<double>(state_.tokens - logged_tokens_) / std::max(seconds, 1e-9);
  const Json line = {{"step", state_.step},
                     {"epoch", epochs_done()},
                     {"loss", shown_loss_},
                     {"learning_rate", learning_rate()},
                     {"grad_norm", gradient_norm_},
                     {"tokens", state_.tokens},
                     {"tokens_per_second", shown_rate_},
                     {"peak_memory_bytes", peak_memory_bytes()},
                     {"elapsed_seconds", elapsed_seconds()}};
  state_.logged_loss_sum = 0;
  state_.logged_steps = 0;
  logged_tokens_ = state_.tokens;
  logged_at_ = now;
  EPICRISIS_RETURN_IF_ERROR(metrics_->append(line));
  observer_.on_metrics(line);
  if (!std::isfinite(shown_loss_))
    return Error{ErrorCode::kInternal,
                 "Training diverged: the loss is no longer a number; lower --learning-rate.",
                 fmt::format("step {}", state_.step)};
  return {};
}

Result<void> TrainingLoop::evaluate() {
  if (evaluated_step_ == state_.step) return {};
  evaluated_step_ = state_.step;
  EPICRISIS_ASSIGN_OR_RETURN(Json line, evaluate_model(model_, setup_, options_, observer_));
  EPICRISIS_ASSIGN_OR_RETURN(const double metric, metric_value(line, best_metric_name(options_)));
  line["step"] = state_.step;
  line["epoch"] = epochs_done();
  line["elapsed_seconds"] = elapsed_seconds();
  const bool best = !state_.best_metric || metric > *state_.best_metric;
  line["best"] = best;
  if (best) {
    state_.best_metric = metric;
    state_.best_checkpoint.clear();
    if (options_.save_strategy == Interval::kNo)
      best_parameters_ = model_.parameters().clone();
    else
      state_.best_checkpoint = checkpoint_folder().filename().string();
  }
  EPICRISIS_RETURN_IF_ERROR(metrics_->append(line));
  observer_.on_metrics(line);
  logged_at_ = Clock::now();  // the rate of training leaves out evaluation
  logged_tokens_ = state_.tokens;
  return {};
}

fs::path TrainingLoop::checkpoint_folder() const {
  return options_.output_dir / fmt::format("checkpoint-{}", state_.step);
}

Result<void> TrainingLoop::save_checkpoint_folder() {
  if (saved_step_ == state_.step) return {};
  saved_step_ = state_.step;
  state_.elapsed_seconds = elapsed_seconds();
  EPICRISIS_RETURN_IF_ERROR(save_run({model_, optimizer_, state_, identity_}, setup_, checkpoint_folder()));
  remove_old_checkpoints(options_.output_dir, options_.save_total_limit, state_.best_checkpoint);
  return {};
}

void TrainingLoop::report_progress() const {
  observer_.on_progress({state_.step, total_steps_, elapsed_seconds(),
                         options_.max_train_minutes * kSecondsPerMinute, shown_loss_, shown_rate_});
}

Result<void> TrainingLoop::after_update(bool epoch_ends) {
  const bool ends = finished();
  if (state_.step % options_.logging_steps == 0 || ends) EPICRISIS_RETURN_IF_ERROR(log_training());
  report_progress();
  const auto due = [&](Interval strategy, std::int64_t steps) {
    return strategy == Interval::kSteps ? state_.step % steps == 0
                                        : strategy == Interval::kEpoch && epoch_ends;
  };
  bool save = due(options_.save_strategy, options_.save_steps);
  if (evaluates() && (ends || due(options_.eval_strategy, options_.eval_steps))) {
    EPICRISIS_RETURN_IF_ERROR(evaluate());
    // The best parameters must be somewhere to load them at the end.
    save = save || (state_.best_checkpoint == checkpoint_folder().filename() &&
                    options_.save_strategy != Interval::kNo);
  }
  const bool stop = !ends && observer_.stop_requested();
  if (save || stop) EPICRISIS_RETURN_IF_ERROR(save_checkpoint_folder());
  if (stop)
    return Error{ErrorCode::kCancelled,
                 fmt::format("Interrupted after step {}; add --resume-from-checkpoint {} to go on.",
                             state_.step, checkpoint_folder().string()),
                 {}};
  return {};
}

Result<void> TrainingLoop::run_epoch() {
  const data::Batches plan = data::plan_batches(lengths_, batch_options_, options_.seed, state_.epoch);
  epoch_batches_ = plan.size();
  while (state_.batch_in_epoch < plan.size() && !finished()) {
    const std::size_t first = state_.batch_in_epoch;
    const std::size_t count = std::min(options_.gradient_accumulation_steps, plan.size() - first);
    update(std::span(plan).subspan(first, count));
    EPICRISIS_RETURN_IF_ERROR(after_update(first + count == plan.size()));
  }
  if (state_.batch_in_epoch >= plan.size()) {
    state_.batch_in_epoch = 0;
    ++state_.epoch;
  }
  return {};
}

Result<Json> TrainingLoop::run() {
  started_ = logged_at_ = Clock::now();
  report_progress();
  while (!finished()) EPICRISIS_RETURN_IF_ERROR(run_epoch());
  return finish();
}

Result<Json> TrainingLoop::finish() {
  const double seconds = elapsed_seconds();
  if (options_.load_best_model_at_end && state_.best_metric) {
    if (best_parameters_.defined()) {
      model_.parameters().copy_(best_parameters_);
    } else if (!state_.best_checkpoint.empty()) {
      EPICRISIS_ASSIGN_OR_RETURN(const Checkpoint best,
                                 load_checkpoint(options_.output_dir / state_.best_checkpoint));
      EPICRISIS_RETURN_IF_ERROR(model_.load(best.weights));
    }
  }
  EPICRISIS_RETURN_IF_ERROR(save_model(model_, setup_, options_.output_dir, options_.save_dtype));
  Json results = {{"global_step", state_.step},
                  {"epoch", epochs_done()},
                  {"train_examples", setup_.train->size()},
                  {"train_tokens", state_.tokens},
                  {"train_runtime", seconds},
                  {"train_tokens_per_second", static_cast<double>(state_.tokens) / std::max(seconds, 1e-9)},
                  {"best_checkpoint", state_.best_checkpoint}};
  if (state_.best_metric) {
    const std::string name = best_metric_name(options_);
    results["best_metric"] = {{"name", name}, {"value", std::abs(*state_.best_metric)}};
  }
  EPICRISIS_RETURN_IF_ERROR(
      write_file_atomically(options_.output_dir / "train_results.json", results.dump(2) + "\n"));
  return results;
}

}  // namespace epicrisis::train
