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

// A residual block is block_input(), then x += f(input), then finish_block(): x + f(norm(x)), or
// norm(x + f(x)), as NormPlacement says.

/// What f reads: norm(x), written to `normed`, or x itself. x, normed: [rows, D].
const float* block_input(ThreadTeam& team, const Architecture& architecture, const NormWeights& norm,
                         const float* x, int rows, float* normed);
/// x = norm(x) where norms follow the residual connection, else nothing.
void finish_block(ThreadTeam& team, const Architecture& architecture, const NormWeights& norm, float* x,
                  int rows);

/// The residual block of f(x) = down(activation(up(x))), or down(activation(gate(x)) * up(x)) where gated.
/// x: [rows, D] contiguous; `normed` holds as many elements. `hidden` grows to hold a slice of [rows, F], two
/// where gated.
void feed_forward_block(ThreadTeam& team, LinearScratch& scratch, const Architecture& architecture,
                        const FeedForwardWeights& weights, float* x, int rows, float* normed,
                        FloatBuffer& hidden);

}  // namespace epicrisis::engine
