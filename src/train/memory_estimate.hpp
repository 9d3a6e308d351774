#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/architecture.hpp"
#include "train/optimizer_kind.hpp"
#include "train/parameter_layout.hpp"

namespace epicrisis::train {

/// What the activations of one batch depend on.
struct BatchShape {
  std::int64_t sequences = 0;
  std::int64_t source_tokens = 0;  ///< Of all sequences; 0 without an encoder.
  std::int64_t target_tokens = 0;  ///< What the decoder reads, of all sequences.
  std::int64_t label_tokens = 0;   ///< Of those, what is learnt.
  std::int64_t longest_source = 0, longest_target = 0;
};

/// Everything besides sizes of the model that decides what a run allocates.
struct MemoryPlan {
  BatchShape train;
  BatchShape evaluation;  ///< No sequences: nothing is evaluated.
  OptimizerKind optimizer = OptimizerKind::kAdamW;
  bool bfloat16 = false;
  bool gradient_checkpointing = false;
  bool dropout = true;     ///< Off: that of the architecture does not act.
  bool generates = false;  ///< In evaluation.
  int num_beams = 1;
  bool keeps_best = false;            ///< A second copy of the parameters in memory.
  std::int64_t checkpoint_bytes = 0;  ///< Of the weight file that is mapped while loading.
  std::int64_t process_bytes =
      0;  ///< Program, LibTorch, tokenizer and data: what is resident without a model.
};

struct MemoryPart {
  std::string name;
  std::int64_t bytes = 0;
};
/// What is resident together at the highest point of a stage of the run.
struct MemoryPhase {
  std::string name;  ///< "loading", "training", "evaluation", "saving".
  std::vector<MemoryPart> parts;
  std::int64_t total_bytes() const;
};

/// An account of what the trainer allocates on CPU, tensor by tensor where a size depends on the model or the
/// batch. Tests hold float32 training to a quarter of the measured peak; bfloat16, evaluation and saving are
/// estimated by the same rules and not measured (docs/training-memory.md).
struct MemoryEstimate {
  std::vector<MemoryPhase> phases;
  const MemoryPhase& peak() const;
};
MemoryEstimate estimate_memory(const Architecture& architecture, const ParameterLayout& layout,
                               const MemoryPlan& plan);

/// Multiplications and additions of one training step over `batch` (forward, backward, and forward again with
/// gradient checkpointing).
double training_flops(const Architecture& architecture, const ParameterLayout& layout, const MemoryPlan& plan,
                      const BatchShape& batch);

}  // namespace epicrisis::train
