#include "train/run_estimate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "data/packed_batch.hpp"
#include "data/tokenised_dataset.hpp"
#include "train/collation.hpp"
#include "train/memory_limit.hpp"

namespace epicrisis::train {
namespace {

BatchShape shape_of(const data::PackedBatch& batch) {
  BatchShape shape;
  shape.sequences = static_cast<std::int64_t>(batch.sequences());
  shape.source_tokens = static_cast<std::int64_t>(batch.source_ids.size());
  shape.target_tokens = static_cast<std::int64_t>(batch.decoder_ids.size());
  shape.label_tokens =
      shape.target_tokens - std::count(batch.labels.begin(), batch.labels.end(), data::kIgnoredLabel);
  const auto longest = [](const std::vector<std::int64_t>& offsets) {
    std::int64_t most = 0;
    for (std::size_t i = 0; i + 1 < offsets.size(); ++i) most = std::max(most, offsets[i + 1] - offsets[i]);
    return most;
  };
  shape.longest_source = longest(batch.source_offsets);
  shape.longest_target = longest(batch.target_offsets);
  return shape;
}

/// Every sequence as long as the options allow.
BatchShape longest_batch(const Architecture& architecture, const TrainingOptions& options,
                         std::size_t sequences) {
  const auto source = static_cast<std::int64_t>(options.max_source_length);
  const auto target = static_cast<std::int64_t>(options.max_target_length);
  auto count = static_cast<std::int64_t>(sequences);
  if (options.tokens_per_batch > 0)
    count =
        std::max<std::int64_t>(1, static_cast<std::int64_t>(options.tokens_per_batch) / (source + target));
  if (architecture.topology == Topology::kDecoderOnly)
    return {count, 0, count * (source + target), count * target, 0, source + target};
  return {count, count * source, count * target, count * target, source, target};
}

std::vector<std::uint32_t> lengths_of(const data::TokenisedDataset& examples) {
  std::vector<std::uint32_t> lengths;
  for (std::size_t i = 0; i < examples.size(); ++i)
    lengths.push_back(static_cast<std::uint32_t>(examples.length(i)));
  return lengths;
}

data::PackedBatch packed(const RunFacts& facts, const data::TokenisedDataset& examples,
                         const std::vector<std::uint32_t>& batch) {
  data::PackedBatch result;
  for (const std::uint32_t index : batch)
    append_example(result, examples.example(index, 0), facts.architecture);
  return result;
}

/// The batch of most tokens; orders of later epochs may bring a few more.
BatchShape largest_of(const RunFacts& facts, const data::TokenisedDataset& examples,
                      const data::Batches& batches) {
  const auto tokens = [&](const std::vector<std::uint32_t>& batch) {
    return std::accumulate(
        batch.begin(), batch.end(), std::size_t{0},
        [&](std::size_t sum, std::uint32_t index) { return sum + examples.length(index); });
  };
  const auto largest = std::max_element(batches.begin(), batches.end(),
                                        [&](const auto& a, const auto& b) { return tokens(a) < tokens(b); });
  return largest == batches.end() ? BatchShape{} : shape_of(packed(facts, examples, *largest));
}

/// Of the batches that the loss is taken of, and those that are generated for.
BatchShape largest_evaluation(const RunFacts& facts, const TrainingOptions& options) {
  const std::vector<std::uint32_t> lengths = lengths_of(*facts.validation);
  const auto largest = [&](std::size_t tokens_per_batch) {
    return largest_of(
        facts, *facts.validation,
        data::plan_batches_in_order(lengths, {options.per_device_eval_batch_size, tokens_per_batch, false}));
  };
  const BatchShape generated = largest(0), by_tokens = largest(options.tokens_per_batch);
  const auto tokens = [](const BatchShape& shape) { return shape.source_tokens + shape.target_tokens; };
  return tokens(by_tokens) > tokens(generated) ? by_tokens : generated;
}

/// Where the data are not there, as the options ask.
bool has_validation(const RunFacts& facts, const TrainingOptions& options) {
  if (facts.train != nullptr) return facts.validation != nullptr;
  return !options.validation_files.empty() || options.validation_split_percentage > 0;
}

struct Change {
  std::string text;
  TrainingOptions options;
};

TrainingOptions with_lora(TrainingOptions options) {
  options.trained.lora.rank = 16;
  options.trained.lora.alpha = 32;
  return options;
}

/// Batches a half, a quarter, ... as large, with the updates of before.
std::vector<Change> smaller_batches(const TrainingOptions& options) {
  std::vector<Change> changes;
  TrainingOptions smaller = options;
  while (options.tokens_per_batch == 0 && smaller.per_device_train_batch_size > 1) {
    const std::size_t before = smaller.per_device_train_batch_size;
    smaller.per_device_train_batch_size = before / 2;
    smaller.gradient_accumulation_steps *= (before + before / 2 - 1) / (before / 2);
    changes.push_back({fmt::format("--per-device-train-batch-size {} --gradient-accumulation-steps {}",
                                   smaller.per_device_train_batch_size, smaller.gradient_accumulation_steps),
                       smaller});
  }
  while (options.tokens_per_batch > 0 && smaller.tokens_per_batch > 2 * options.max_source_length) {
    smaller.tokens_per_batch /= 2;
    smaller.gradient_accumulation_steps *= 2;
    changes.push_back({fmt::format("--tokens-per-batch {} --gradient-accumulation-steps {}",
                                   smaller.tokens_per_batch, smaller.gradient_accumulation_steps),
                       smaller});
  }
  return changes;
}

std::vector<Change> other_changes(const TrainingOptions& options) {
  std::vector<Change> changes;
  TrainingOptions recomputing = options;
  recomputing.gradient_checkpointing = true;
  if (!options.gradient_checkpointing) changes.push_back({"--gradient-checkpointing", recomputing});
  TrainingOptions adafactor = options;
  adafactor.optim = "adafactor";
  if (options.optim != "adafactor") changes.push_back({"--optim adafactor", adafactor});
  if (options.trained.lora.rank != 0) return changes;
  constexpr const char* kLora = "--lora-rank 16 --lora-alpha 32";
  changes.push_back({kLora, with_lora(options)});
  if (!options.gradient_checkpointing)
    changes.push_back({fmt::format("{} --gradient-checkpointing", kLora), with_lora(recomputing)});
  return changes;
}

}  // namespace

data::Batches training_batches(const RunFacts& facts, const TrainingOptions& options) {
  return data::plan_batches(
      lengths_of(*facts.train),
      {options.per_device_train_batch_size, options.tokens_per_batch, options.group_by_length}, options.seed,
      0);
}

BatchShape shape_of(const RunFacts& facts, const std::vector<std::uint32_t>& batch) {
  return shape_of(packed(facts, *facts.train, batch));
}

MemoryPlan memory_plan(const RunFacts& facts, const TrainingOptions& options) {
  MemoryPlan plan;
  plan.train = facts.train != nullptr
                   ? largest_of(facts, *facts.train, training_batches(facts, options))
                   : longest_batch(facts.architecture, options, options.per_device_train_batch_size);
  const bool evaluates = has_validation(facts, options) && options.eval_strategy != Interval::kNo;
  if (evaluates && facts.validation != nullptr)
    plan.evaluation = largest_evaluation(facts, options);
  else if (evaluates)
    plan.evaluation = longest_batch(facts.architecture, options, options.per_device_eval_batch_size);
  plan.optimizer = parse_optimizer(options.optim).value();
  plan.bfloat16 = options.bf16;
  plan.gradient_checkpointing = options.gradient_checkpointing;
  plan.generates = options.predict_with_generate && options.objective == Objective::kSummarize;
  plan.num_beams = options.generation_num_beams;
  plan.keeps_best = evaluates && options.load_best_model_at_end && options.save_strategy == Interval::kNo;
  plan.checkpoint_bytes = facts.checkpoint_bytes;
  plan.process_bytes = facts.process_bytes;
  return plan;
}

Result<MemoryEstimate> estimate_run(const RunFacts& facts, const TrainingOptions& options) {
  EPICRISIS_ASSIGN_OR_RETURN(const ParameterLayout layout,
                             trained_layout(facts.architecture, options.trained));
  return estimate_memory(facts.architecture, layout, memory_plan(facts, options));
}

std::vector<std::string> options_that_fit(const RunFacts& facts, const TrainingOptions& options,
                                          std::int64_t limit_bytes) {
  std::vector<std::string> fitting;
  const auto fits = [&](const TrainingOptions& changed) {
    const auto estimate = estimate_run(facts, changed);
    return estimate.has_value() && estimate->peak().total_bytes() <= limit_bytes;
  };
  for (const Change& change : smaller_batches(options)) {
    if (!fits(change.options)) continue;
    fitting.push_back(change.text);
    break;  // the largest that fits
  }
  for (const Change& change : other_changes(options)) {
    if (fits(change.options)) {
      fitting.push_back(change.text);
    } else if (fitting.empty()) {
      for (const Change& also : smaller_batches(change.options))
        if (fits(also.options)) {
          fitting.push_back(fmt::format("{} {}", change.text, also.text));
          break;
        }
    }
  }
  return fitting;
}

Result<void> check_memory(const RunFacts& facts, const TrainingOptions& options) {
  EPICRISIS_ASSIGN_OR_RETURN(const MemoryEstimate estimate, estimate_run(facts, options));
  EPICRISIS_ASSIGN_OR_RETURN(const std::int64_t limit, memory_limit(options.max_memory));
  const MemoryPhase& peak = estimate.peak();
  if (peak.total_bytes() <= limit) return {};
  const std::vector<std::string> fitting = options_that_fit(facts, options, limit);
  const std::string advice = fitting.empty()
                                 ? "no option known here makes it fit; train a smaller model"
                                 : fmt::format("one of these would fit: {}", fmt::join(fitting, "; "));
  return Error{ErrorCode::kResourceExhausted,
               fmt::format("This run would take about {} while {}, and {} are there; {}.",
                           gibibytes(peak.total_bytes()), peak.name, gibibytes(limit), advice),
               {}};
}

}  // namespace epicrisis::train
