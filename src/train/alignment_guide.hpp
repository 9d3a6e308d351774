#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "checkpoint/architecture.hpp"
#include "train/training_options.hpp"

namespace epicrisis::train {

/// Which heads of cross-attention are taught to look where the next token can be copied from, and how much
/// that counts beside the cross-entropy.
struct AlignmentGuide {
  std::map<std::size_t, std::vector<std::int64_t>> heads_of_layer;  ///< By decoder layer, from 0.
  double weight = 0;

  bool is_active() const noexcept { return weight > 0 && !heads_of_layer.empty(); }
  /// The guided heads of that layer; nullptr for none.
  const std::vector<std::int64_t>* heads_of(std::size_t layer) const {
    const auto found = heads_of_layer.find(layer);
    return found == heads_of_layer.end() ? nullptr : &found->second;
  }
  std::size_t heads() const;
};

/// The heads of --alignment-heads, or else those that config.json names as "alignment_heads" ([[layer, head],
/// ...], as generation_config.json of Whisper); writes them into `config`, so that who goes on from this
/// model need not say them again. Without a weight in the options it is kDefaultAlignmentWeight where there
/// are such heads. Errors: kInvalidArgument for heads that the model does not have or without any to guide,
/// kCorrupt for a config.json whose list is malformed.
Result<AlignmentGuide> settle_alignment_guide(const TrainingOptions& options,
                                              const Architecture& architecture, Json& config);
inline constexpr double kDefaultAlignmentWeight = 0.5;

}  // namespace epicrisis::train
