#pragma once

#include <memory>
#include <vector>

#include "base/result.hpp"
#include "checkpoint/architecture.hpp"
#include "checkpoint/weights.hpp"
#include "engine/float_buffer.hpp"
#include "engine/model/position_table.hpp"
#include "engine/ops/linear.hpp"

namespace epicrisis::engine {

struct NormWeights {
  const float* weight = nullptr;  ///< [D]
  const float* bias = nullptr;    ///< [D]
};

struct AttentionWeights {
  NormWeights norm;
  LinearWeights query;   ///< [H * Dh, D]
  LinearWeights key;     ///< [H * Dh, D]
  LinearWeights value;   ///< [H * Dh, D]
  LinearWeights output;  ///< [D, H * Dh]
};

struct FeedForwardWeights {
  NormWeights norm;
  LinearWeights up;    ///< [F, D]
  LinearWeights down;  ///< [D, F]
};

struct EncoderLayer {
  AttentionWeights self_attention;
  FeedForwardWeights feed_forward;
};

struct DecoderLayer {
  AttentionWeights self_attention;
  AttentionWeights cross_attention;
  FeedForwardWeights feed_forward;
};

/// The parameters of one model as the engine multiplies with them. Float32 tensors are used where the
/// checkpoint has them (its mapped file stays alive as long as this); others are widened once. Immutable once
/// loaded.
struct ModelWeights {
  Architecture architecture;
  LinearWeights embedding;  ///< [V, D]
  PositionTable encoder_positions;
  PositionTable decoder_positions;
  std::vector<EncoderLayer> encoder;
  std::vector<DecoderLayer> decoder;
  NormWeights encoder_final_norm;
  NormWeights decoder_final_norm;
  LinearWeights output;  ///< [V, D]

  Weights source;                    ///< Keeps the mapped file alive.
  std::vector<FloatBuffer> widened;  ///< What could not be used in place.
};

/// Errors: kUnsupported naming what this engine does not compute, kCorrupt naming a tensor that is missing or
/// has another shape than the architecture asks for, kResourceExhausted.
Result<std::unique_ptr<const ModelWeights>> load_model_weights(const Architecture& architecture,
                                                               Weights weights, ThreadTeam& team);

}  // namespace epicrisis::engine
