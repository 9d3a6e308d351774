#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "checkpoint/architecture.hpp"
#include "train/parameter_layout.hpp"

namespace epicrisis::train {

/// Low-rank adaptation (Hu et al. 2021): the model is frozen, and a product of two small matrices is added to
/// some of its projections and trained. Named and meaning as PEFT's LoraConfig.
struct LoraSettings {
  int rank = 0;      ///< r; 0: no adaptation.
  double alpha = 8;  ///< The product is multiplied by alpha / rank.
  double dropout = 0;
  /// Modules by the last part or parts of their names in the family's files ("q_proj", "SelfAttention.q",
  /// "c_attn"), by their canonical ones ("query", "self_attention.query"), or by a regular expression that
  /// matches a whole name; "all-linear": every projection of the layers. Empty: what PEFT adapts by default.
  std::vector<std::string> target_modules;
};

/// Which parameters a run trains; by default all.
struct TrainedParameters {
  /// Each is one of frozen_components() or a regular expression that matches in a parameter's name, in the
  /// family's files or canonical.
  std::vector<std::string> freeze;
  LoraSettings lora;
};

/// "embeddings", "encoder", "decoder", ...
const std::vector<std::string>& frozen_components();

/// The layout of `architecture` with what `trained` freezes and adds. Errors: of ParameterLayout::create();
/// kInvalidArgument for an entry that fits nothing (naming what there is), for settings out of range, and
/// when nothing is left to train.
Result<ParameterLayout> trained_layout(const Architecture& architecture, const TrainedParameters& trained);

/// The modules that `lora` names in a layout, without slots yet. Errors: kInvalidArgument.
Result<std::vector<LowRankAdapter>> find_adapted_modules(const Architecture& architecture,
                                                         const ParameterLayout& layout,
                                                         const LoraSettings& lora);

}  // namespace epicrisis::train
