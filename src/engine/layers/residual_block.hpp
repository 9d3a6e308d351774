#pragma once

#include "checkpoint/architecture.hpp"
#include "engine/float_buffer.hpp"
#include "engine/model/model_weights.hpp"
#include "engine/ops/linear.hpp"
#include "engine/thread_team.hpp"

namespace epicrisis::engine {

/// y = norm(x), row by row. x, y: [rows, D], contiguous; y may be x.
void normalize(ThreadTeam& team, const Architecture& architecture, const NormWeights& norm, const float* x,
               int rows, float* y);

/// x += down(activation(up(norm(x)))). x: [rows, D] contiguous; `normed` holds as many elements.
/// `hidden` grows to hold a slice of [rows, F].
void feed_forward_block(ThreadTeam& team, const Architecture& architecture, const FeedForwardWeights& weights,
                        float* x, int rows, float* normed, FloatBuffer& hidden);

}  // namespace epicrisis::engine
