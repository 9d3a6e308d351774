#pragma once

#include "checkpoint/architecture.hpp"
#include "engine/compute_type.hpp"

namespace epicrisis {

// What computing a model costs at least, whoever computes it. An operation is a multiplication or an
// addition; norms, softmax and activations are not counted.

/// Operations of reading one source: of the encoder, or of a decoder-only model's prompt.
struct ReadingOperations {
  double layers = 0;     ///< Products with the weights of all layers.
  double attention = 0;  ///< Queries with keys, probabilities with values.
  double memory = 0;     ///< Projections of cross-attention's keys and values; none in decoder-only models.

  double total() const { return layers + attention + memory; }
};
ReadingOperations reading_operations(const Architecture& architecture, int source_tokens);

/// Operations of one decode step of one row, its output projection included, behind `source_tokens`.
double step_operations(const Architecture& architecture, int source_tokens);

/// Bytes of the weights that every decode step reads: those of the decoder less cross-attention's projections
/// of keys and values, and the output projection.
double step_weight_bytes(const Architecture& architecture, ComputeType type);
/// Bytes of what one source's steps read beside them, at two bytes an element: the keys and values of
/// cross-attention, or of a decoder-only model's prompt.
double step_source_bytes(const Architecture& architecture, int source_tokens);

/// Bytes of all matrices that the model multiplies with.
double weight_bytes(const Architecture& architecture, ComputeType type);

}  // namespace epicrisis
