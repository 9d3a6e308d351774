#include "train/distributed/shared_start.hpp"

#include <array>
#include <limits>

namespace epicrisis::train {
namespace {

/// Exact up to 2^53, which no count reaches.
std::array<double, 10> counts_of(const RunState& state, const Optimizer& optimizer) {
  return {static_cast<double>(state.step),
          static_cast<double>(state.epoch),
          static_cast<double>(state.batch_in_epoch),
          state.elapsed_seconds,
          state.logged_loss_sum,
          static_cast<double>(state.logged_steps),
          static_cast<double>(state.tokens),
          state.selection.best_metric.value_or(std::numeric_limits<double>::quiet_NaN()),
          static_cast<double>(state.selection.evaluations_without_gain),
          static_cast<double>(optimizer.steps())};
}

void take_counts(const std::array<double, 10>& counts, RunState& state, Optimizer& optimizer) {
  state.step = static_cast<std::int64_t>(counts[0]);
  state.epoch = static_cast<std::uint64_t>(counts[1]);
  state.batch_in_epoch = static_cast<std::size_t>(counts[2]);
  state.elapsed_seconds = counts[3];
  state.logged_loss_sum = counts[4];
  state.logged_steps = static_cast<std::int64_t>(counts[5]);
  state.tokens = static_cast<std::int64_t>(counts[6]);
  if (counts[7] == counts[7]) state.selection.best_metric = counts[7];
  state.selection.evaluations_without_gain = static_cast<std::int64_t>(counts[8]);
  optimizer.set_steps(static_cast<std::int64_t>(counts[9]));
}

}  // namespace

Result<void> share_start(ProcessGroup& group, const RunParts& run) {
  std::array<double, 10> counts = counts_of(run.state, run.optimizer);
  EPICRISIS_RETURN_IF_ERROR(group.share(counts));
  if (!group.is_main()) take_counts(counts, run.state, run.optimizer);
  EPICRISIS_RETURN_IF_ERROR(group.share(run.model.parameters()));
  if (run.optimizer.steps() == 0) return {};
  for (const OptimizerState& part : run.optimizer.state())
    EPICRISIS_RETURN_IF_ERROR(group.share(part.values));
  return {};
}

}  // namespace epicrisis::train
