#include "train/training_loop.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/files.hpp"
#include "train/adapter_checkpoint.hpp"
#include "train/checkpoint_folders.hpp"
#include "train/collation.hpp"
#include "train/distributed/batch_share.hpp"
#include "train/distributed/shared_start.hpp"
#include "train/evaluation.hpp"
#include "train/output_folder.hpp"
#include "train/peak_memory.hpp"
#include "train/training_option.hpp"
#include "train/training_plan.hpp"

namespace epicrisis::train {
namespace {
namespace fs = std::filesystem;

constexpr double kSecondsPerMinute = 60.0;

/// Precondition: options.optim is one.
OptimizerSettings optimizer_settings(const TrainingOptions& options, const at::Device& device) {
  OptimizerSettings settings;
  settings.kind = parse_optimizer(options.optim).value();
  settings.beta1 = options.adam_beta1;
  settings.beta2 = options.adam_beta2;
  settings.epsilon = options.adam_epsilon;
  settings.weight_decay = options.weight_decay;
  settings.device = device;
  return settings;
}

Json to_json(const ProcessGroup& group) {
  const Traffic& traffic = group.traffic();
  return {{"count", group.size()},
          {"collectives", traffic.collectives},
          {"gradient_bytes", traffic.gradient_bytes},
          {"control_bytes", traffic.control_bytes},
          {"start_bytes", traffic.start_bytes}};
}

/// What tells the data of one run from another's: their tokens, of plain text the lengths of its windows.
std::string data_digest(const TrainingSetup& setup, const std::vector<std::uint32_t>& lengths) {
  static const Json::json_pointer kTokens("/splits/train/tokens_sha256");
  return setup.data.contains(kTokens) ? setup.data[kTokens].get<std::string>() : digest_of(lengths);
}

}  // namespace

TrainingLoop::TrainingLoop(const TrainingOptions& options, const TrainingSetup& setup, Transformer& model,
                           TrainingObserver& observer, ProcessGroup& group)
    : options_(options),
      setup_(setup),
      model_(model),
      observer_(observer),
      group_(group),
      reducer_(model.trained_leaves(), model.gradients(), group),
      schedule_(options.lr_scheduler_type, options.learning_rate, 0, 1),
      selection_(options),
      optimizer_(make_optimizer(model.layout(), optimizer_settings(options, model.device()))),
      lengths_(lengths_of(*setup.train)),
      batch_options_{options.per_device_train_batch_size * static_cast<std::size_t>(group.size()),
                     options.tokens_per_batch * static_cast<std::size_t>(group.size()),
                     options.group_by_length} {}

Result<TrainingLoop> TrainingLoop::create(const TrainingOptions& options, const TrainingSetup& setup,
                                          Transformer& model, TrainingObserver& observer,
                                          ProcessGroup& group) {
  TrainingLoop loop(options, setup, model, observer, group);
  if (options.early_stopping_patience > 0 && !loop.evaluates())
    return Error{
        ErrorCode::kInvalidArgument,
        "--early-stopping-patience needs evaluations: give --validation-file, and an --eval-strategy "
        "other than no.",
        {}};
  const std::size_t batches = loop.plan(0).size();
  loop.total_steps_ = count_steps(options, batches);
  EPICRISIS_ASSIGN_OR_RETURN(loop.schedule_, make_schedule(options, loop.total_steps_));
  loop.identity_ = {options.seed, setup.train->size(), data_digest(setup, loop.lengths_), batches,
                    options.gradient_accumulation_steps};
  EPICRISIS_RETURN_IF_ERROR(loop.resume());
  if (!group.is_main()) return loop;
  EPICRISIS_ASSIGN_OR_RETURN(loop.metrics_,
                             MetricsLog::open(options.output_dir, logging_folder(options), loop.state_.step));
  return loop;
}

data::Batches TrainingLoop::plan(std::uint64_t epoch) const {
  return data::plan_batches(lengths_, batch_options_, options_.seed, epoch);
}

Result<void> TrainingLoop::restore_checkpoint() {
  EPICRISIS_ASSIGN_OR_RETURN(const auto folder, checkpoint_to_resume(options_, observer_));
  if (!folder) return {};
  EPICRISIS_RETURN_IF_ERROR(restore_run(parts(), *folder));
  std::error_code ignored;
  std::string& best = state_.selection.best_checkpoint;
  const fs::path run = fs::absolute(*folder).parent_path();
  if (!best.empty() && !fs::equivalent(run, options_.output_dir, ignored)) best = (run / best).string();
  if (const auto before = read_json_file(*folder / kOptionsFile)) {
    const std::vector<std::string> changed = changed_options(*before, options_);
    if (!changed.empty())
      observer_.on_warning(fmt::format("Going on from {} with other values of {}.",
                                       folder->filename().string(), fmt::join(changed, ", ")));
  }
  return {};
}

Result<void> TrainingLoop::resume() {
  if (group_.is_main()) EPICRISIS_RETURN_IF_ERROR(restore_checkpoint());
  EPICRISIS_RETURN_IF_ERROR(share_start(group_, parts()));
  if (state_.step == 0) return {};
  epoch_batches_ = plan(state_.epoch).size();
  elapsed_before_ = agreed_seconds_ = state_.elapsed_seconds;
  logged_tokens_ = state_.tokens;
  evaluated_step_ = saved_step_ = state_.step;
  return {};
}

double TrainingLoop::elapsed_here() const {
  return elapsed_before_ + std::chrono::duration<double>(Clock::now() - started_).count();
}

double TrainingLoop::elapsed_seconds() const { return group_.size() == 1 ? elapsed_here() : agreed_seconds_; }

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
  return state_.step >= total_steps_ || selection_.is_exhausted(state_.selection) ||
         (options_.max_train_minutes > 0 &&
          elapsed_seconds() >= options_.max_train_minutes * kSecondsPerMinute);
}

data::PackedBatch TrainingLoop::packed(const std::vector<std::uint32_t>& batch) const {
  data::PackedBatch result;
  for (const std::uint32_t index : batch)
    append_example(result, setup_.train->example(index, state_.epoch), model_.architecture());
  return result;
}

Error TrainingLoop::diverged(std::string_view what,
                             std::span<const std::vector<std::uint32_t>> batches) const {
  std::vector<std::uint32_t> indices;
  for (const auto& batch : batches) indices.insert(indices.end(), batch.begin(), batch.end());
  std::sort(indices.begin(), indices.end());
  std::vector<std::string> places;
  for (const std::uint32_t index : indices) places.push_back(setup_.train->place(index));
  return {ErrorCode::kInternal,
          fmt::format("Training stopped at step {}: {}. Look at the training rows of the batch, or lower "
                      "--learning-rate; the last good checkpoint is {}.",
                      state_.step + 1, what, saved_step_ < 0 ? "none" : checkpoint_name(saved_step_)),
          fmt::format("{}", fmt::join(places, ", "))};
}

Result<TrainingLoop::UpdateShare> TrainingLoop::share_of_update(
    std::span<const std::vector<std::uint32_t>> batches) {
  UpdateShare share;
  std::vector<double> sums;  // labels of each batch, then all tokens
  double tokens = 0;
  for (const std::vector<std::uint32_t>& batch : batches) {
    share.batches.push_back(packed(share_of_batch(batch, lengths_, group_.rank(), group_.size())));
    sums.push_back(static_cast<double>(counted_labels(share.batches.back())));
    tokens += static_cast<double>(share.batches.back().tokens());
  }
  share.weights = sums;
  sums.push_back(tokens);
  EPICRISIS_RETURN_IF_ERROR(group_.sum(sums));
  for (std::size_t i = 0; i < batches.size(); ++i) share.weights[i] /= sums[i];
  state_.tokens += static_cast<std::int64_t>(sums.back());
  return share;
}

/// One optimizer step over a few batches.
Result<void> TrainingLoop::update(std::span<const std::vector<std::uint32_t>> batches) {
  const double rate = learning_rate();
  model_.gradients().zero_();
  LossSettings settings;
  settings.label_smoothing = options_.label_smoothing_factor;
  EPICRISIS_ASSIGN_OR_RETURN(const UpdateShare share, share_of_update(batches));
  std::vector<double> losses(batches.size() + 1);
  for (std::size_t i = 0; i < batches.size(); ++i) {
    if (i + 1 == batches.size()) reducer_.expect_backward();
    if (share.weights[i] == 0) continue;  // the others have all that there is to learn
    settings.factor = share.weights[i] / static_cast<double>(batches.size());
    const std::uint64_t place = (i + 1) + (static_cast<std::uint64_t>(group_.rank()) << 32U);
    const data::RandomStream seeds(options_.seed, static_cast<std::uint64_t>(state_.step), place);
    const at::Tensor loss =
        model_.loss(share.batches[i], settings, DropoutSeeds(data::RandomStream(seeds).next()));
    losses[i] = loss.item<double>();
    loss.backward();
  }
  EPICRISIS_RETURN_IF_ERROR(reducer_.finish());
  if (group_.is_main()) losses.back() = elapsed_here();
  EPICRISIS_RETURN_IF_ERROR(group_.sum(losses));
  agreed_seconds_ = losses.back();
  for (std::size_t i = 0; i < batches.size(); ++i) {
    if (!std::isfinite(losses[i]))
      return diverged(fmt::format("the loss is {}", losses[i]), batches.subspan(i, 1));
    state_.logged_loss_sum += losses[i];
  }
  gradient_norm_ = gradient_norm(model_.gradients());
  if (!std::isfinite(gradient_norm_))
    return diverged(fmt::format("the norm of the gradients is {}", gradient_norm_), batches);
  optimizer_->step(model_.parameters(), model_.gradients(), rate,
                   clip_scale(gradient_norm_, options_.max_grad_norm));
  state_.batch_in_epoch += batches.size();
  ++state_.logged_steps;
  ++state_.step;
  return {};
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
  if (metrics_) EPICRISIS_RETURN_IF_ERROR(metrics_->append(line));
  observer_.on_metrics(line);
  return {};
}

Result<void> TrainingLoop::evaluate() {
  if (evaluated_step_ == state_.step) return {};
  evaluated_step_ = state_.step;
  EPICRISIS_ASSIGN_OR_RETURN(Json line, evaluate_model(model_, setup_, options_, observer_, group_));
  EPICRISIS_ASSIGN_OR_RETURN(const double metric, metric_value(line, selection_.metric()));
  if (!std::isfinite(line["eval_loss"].get<double>()))
    return Error{ErrorCode::kInternal,
                 fmt::format("Training stopped at step {}: the loss on the validation data is {}.",
                             state_.step, line["eval_loss"].get<double>()),
                 {}};
  line["step"] = state_.step;
  line["epoch"] = epochs_done();
  line["elapsed_seconds"] = elapsed_seconds();
  const bool best = selection_.take(state_.selection, metric);
  line["best"] = best;
  if (best) {
    const bool in_memory = options_.save_strategy == Interval::kNo;
    best_parameters_ = in_memory && group_.is_main() ? model_.parameters().clone() : at::Tensor();
    state_.selection.best_checkpoint = in_memory ? std::string() : checkpoint_name(state_.step);
  }
  if (metrics_) EPICRISIS_RETURN_IF_ERROR(metrics_->append(line));
  observer_.on_metrics(line);
  logged_at_ = Clock::now();  // the rate of training leaves out evaluation
  logged_tokens_ = state_.tokens;
  return {};
}

fs::path TrainingLoop::checkpoint_folder() const {
  return options_.output_dir / checkpoint_name(state_.step);
}

Result<void> TrainingLoop::save_checkpoint_folder() {
  if (saved_step_ == state_.step) return {};
  saved_step_ = state_.step;
  if (!group_.is_main()) return {};
  state_.elapsed_seconds = elapsed_seconds();
  EPICRISIS_RETURN_IF_ERROR(metrics_->sync());  // a checkpoint vouches for the lines up to its step
  EPICRISIS_RETURN_IF_ERROR(save_run(parts(), setup_, checkpoint_folder()));
  remove_old_checkpoints(options_.output_dir, options_.save_total_limit.value_or(0),
                         state_.selection.best_checkpoint, state_.step);
  return {};
}

void TrainingLoop::report_progress() const {
  observer_.on_progress({state_.step, total_steps_, elapsed_seconds(),
                         options_.max_train_minutes * kSecondsPerMinute, shown_loss_, shown_rate_});
}

Result<void> TrainingLoop::after_update(bool epoch_ends) {
  const auto due = [&](Interval strategy, std::int64_t steps) {
    return strategy == Interval::kSteps ? state_.step % steps == 0
                                        : strategy == Interval::kEpoch && epoch_ends;
  };
  const bool last = finished();
  if (due(Interval::kSteps, options_.logging_steps) || last ||
      (options_.logging_first_step && state_.step == 1))
    EPICRISIS_RETURN_IF_ERROR(log_training());
  report_progress();
  bool save = due(options_.save_strategy, options_.save_steps);
  if (evaluates() &&
      (last || due(options_.eval_strategy, options_.eval_steps.value_or(options_.logging_steps)))) {
    EPICRISIS_RETURN_IF_ERROR(evaluate());
    // The best parameters must be somewhere to load them at the end.
    save = save || state_.selection.best_checkpoint == checkpoint_name(state_.step);
  }
  EPICRISIS_ASSIGN_OR_RETURN(const bool asked_to_stop, group_.any(observer_.stop_requested()));
  const bool stop = !finished() && asked_to_stop;
  if (save || stop) EPICRISIS_RETURN_IF_ERROR(save_checkpoint_folder());
  if (stop)
    return Error{ErrorCode::kCancelled,
                 fmt::format("Interrupted after step {}; add --resume-from-checkpoint {} to go on.",
                             state_.step, checkpoint_folder().string()),
                 {}};
  return {};
}

Result<void> TrainingLoop::run_epoch() {
  const data::Batches batches = plan(state_.epoch);
  epoch_batches_ = batches.size();
  while (state_.batch_in_epoch < batches.size() && !finished()) {
    const std::size_t first = state_.batch_in_epoch;
    const std::size_t count = std::min(options_.gradient_accumulation_steps, batches.size() - first);
    EPICRISIS_RETURN_IF_ERROR(update(std::span(batches).subspan(first, count)));
    EPICRISIS_RETURN_IF_ERROR(after_update(first + count == batches.size()));
  }
  if (state_.batch_in_epoch >= batches.size()) {
    state_.batch_in_epoch = 0;
    ++state_.epoch;
  }
  return {};
}

Result<Json> TrainingLoop::run() {
  started_ = logged_at_ = Clock::now();
  report_progress();
  std::error_code ignored;  // results of an earlier end do not describe a run that goes on
  if (!finished() && group_.is_main()) fs::remove(options_.output_dir / "train_results.json", ignored);
  while (!finished()) EPICRISIS_RETURN_IF_ERROR(run_epoch());
  EPICRISIS_RETURN_IF_ERROR(catch_up());
  return finish();
}

/// The time limit may pass after the last update was seen not to be one.
Result<void> TrainingLoop::catch_up() {
  if (state_.logged_steps > 0) EPICRISIS_RETURN_IF_ERROR(log_training());
  if (!evaluates() || evaluated_step_ == state_.step) return {};
  EPICRISIS_RETURN_IF_ERROR(evaluate());
  return state_.selection.best_checkpoint == checkpoint_name(state_.step) ? save_checkpoint_folder()
                                                                          : Result<void>();
}

Result<Json> TrainingLoop::finish() {
  if (!group_.is_main()) return Json::object();
  const double seconds = elapsed_seconds();
  if (options_.load_best_model_at_end) {
    if (best_parameters_.defined()) {
      model_.parameters().copy_(best_parameters_);
    } else if (!state_.selection.best_checkpoint.empty()) {
      EPICRISIS_RETURN_IF_ERROR(load_trained(model_, options_.output_dir / state_.selection.best_checkpoint));
    }
  }
  if (!model_.layout().adapters().empty())
    EPICRISIS_RETURN_IF_ERROR(merge_adapters_checked(model_, packed({0})));
  EPICRISIS_RETURN_IF_ERROR(save_model(model_, setup_, options_.output_dir, options_.save_dtype));
  Json results = {{"global_step", state_.step},
                  {"epoch", epochs_done()},
                  {"train_examples", setup_.train->size()},
                  {"train_tokens", state_.tokens},
                  {"train_runtime", seconds},
                  {"train_tokens_per_second", static_cast<double>(state_.tokens) / std::max(seconds, 1e-9)},
                  {"best_checkpoint", state_.selection.best_checkpoint}};
  if (group_.size() > 1) results["processes"] = to_json(group_);
  if (state_.selection.best_metric)
    results["best_metric"] = {{"name", selection_.metric()}, {"value", *state_.selection.best_metric}};
  EPICRISIS_RETURN_IF_ERROR(
      write_file_atomically(options_.output_dir / "train_results.json", results.dump(2) + "\n"));
  return results;
}

}  // namespace epicrisis::train
