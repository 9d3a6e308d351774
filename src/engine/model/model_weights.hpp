#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "base/result.hpp"
#include "checkpoint/architecture.hpp"
#include "checkpoint/weights.hpp"
#include "engine/compute_type.hpp"
#include "engine/float_buffer.hpp"
#include "engine/model/int8_store.hpp"
#include "engine/model/position_bias.hpp"
#include "engine/model/position_table.hpp"
#include "engine/ops/linear.hpp"

namespace epicrisis::engine {

struct NormWeights {
  const float* weight = nullptr;  ///< [D]
  const float* bias = nullptr;    ///< [D]; RMS norms have none.
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
  LinearWeights gate;  ///< [F, D]; only where feed-forward layers are gated.
  LinearWeights up;    ///< [F, D]
  LinearWeights down;  ///< [D, F]
};

/// One layer of either stack.
struct Layer {
  AttentionWeights self_attention;
  AttentionWeights cross_attention;  ///< Of decoders that follow an encoder only.
  FeedForwardWeights feed_forward;
};

/// One stack of layers and what stands before and after them.
struct Stack {
  PositionTable positions;  ///< Added to the embeddings; empty where positions enter elsewhere.
  PositionBias bias;        ///< Added to self-attention scores; likewise.
  NormWeights embedding_norm;
  std::vector<Layer> layers;
  NormWeights final_norm;
};

/// The parameters of one model as the engine multiplies with them. Tensors that have the type asked for are
/// used where the checkpoint has them (its mapped file stays alive as long as this); others are converted
/// once. Vectors, tables and the embeddings that are looked up are as stored, or float32. Immutable once
/// loaded.
struct ModelWeights {
  Architecture architecture;
  ComputeType type = ComputeType::kFloat32;
  LinearWeights embedding;  ///< [V, D], to look up.
  Stack encoder;            ///< No layers when decoder-only.
  Stack decoder;
  LinearWeights output;  ///< [V, D]

  Weights source;                      ///< Keeps the mapped file alive.
  std::vector<FloatBuffer> converted;  ///< What could not be used in place.
  Int8Store int8;
};

/// `folder`: that of the model, where int8 weights are cached; empty: nowhere. Errors: kUnsupported naming
/// what this engine does not compute, kCorrupt naming a tensor that is missing or has another shape than the
/// architecture asks for, kResourceExhausted.
Result<std::unique_ptr<const ModelWeights>> load_model_weights(const Architecture& architecture,
                                                               Weights weights, ComputeType type,
                                                               const std::filesystem::path& folder,
                                                               ThreadTeam& team);

}  // namespace epicrisis::engine
