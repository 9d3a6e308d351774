#include "engine/model_costs.hpp"

namespace epicrisis {
namespace {

double bytes_of_element(ComputeType type) {
  switch (type) {
    case ComputeType::kFloat32:
      return 4;
    case ComputeType::kBFloat16:
      return 2;
    case ComputeType::kInt8:
      return 1;
  }
  return 4;
}

bool has_encoder(const Architecture& a) { return a.topology == Topology::kEncoderDecoder; }

double inner_width(const Architecture& a, const StackShape& stack) {
  return static_cast<double>(stack.heads) * a.head_dim;
}

// Elements of one projection of attention.
double projection(const Architecture& a, const StackShape& stack) {
  return inner_width(a, stack) * a.d_model;
}

// Elements of self-attention and feed-forward of all layers.
double layer_weights(const Architecture& a, const StackShape& stack) {
  const double feed_forward = (a.gated_ffn ? 3.0 : 2.0) * a.d_model * stack.ffn_dim;
  return stack.layers * (4 * projection(a, stack) + feed_forward);
}

// Elements of cross-attention's projections of keys and values, all layers; as many are of queries and
// output.
double memory_weights(const Architecture& a) {
  return has_encoder(a) ? 2 * a.decoder.layers * projection(a, a.decoder) : 0;
}

double output_weights(const Architecture& a) { return static_cast<double>(a.d_model) * a.vocab_size; }

double step_weights(const Architecture& a) {
  return layer_weights(a, a.decoder) + memory_weights(a) + output_weights(a);
}

}  // namespace

ReadingOperations reading_operations(const Architecture& a, int source_tokens) {
  const StackShape& stack = has_encoder(a) ? a.encoder : a.decoder;
  const double pairs = static_cast<double>(source_tokens) * source_tokens / (has_encoder(a) ? 1 : 2);
  ReadingOperations operations;
  operations.layers = 2 * layer_weights(a, stack) * source_tokens;
  operations.attention = 4 * pairs * inner_width(a, stack) * stack.layers;
  operations.memory = 2 * memory_weights(a) * source_tokens;
  return operations;
}

double step_operations(const Architecture& a, int source_tokens) {
  return 2 * step_weights(a) + 4.0 * source_tokens * inner_width(a, a.decoder) * a.decoder.layers;
}

double step_weight_bytes(const Architecture& a, ComputeType type) {
  return step_weights(a) * bytes_of_element(type);
}

double step_source_bytes(const Architecture& a, int source_tokens) {
  return 2.0 * 2.0 * a.decoder.layers * inner_width(a, a.decoder) * source_tokens;
}

double weight_bytes(const Architecture& a, ComputeType type) {
  const double encoder = has_encoder(a) ? layer_weights(a, a.encoder) : 0;
  return (encoder + step_weights(a) + memory_weights(a)) * bytes_of_element(type);
}

}  // namespace epicrisis
