#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "train/ops/ops.hpp"
#include "train/parameter_layout.hpp"

namespace epicrisis::train {

/// A projection, or several that read the same input side by side. No bias: undefined.
struct Projection {
  at::Tensor weight, bias;
  /// Where only some of those side by side are trained: each for itself, for `weight` gives none a gradient.
  std::vector<at::Tensor> weight_parts = {}, bias_parts = {};
  std::vector<ops::LowRank> adapters = {};
};
struct FeedForwardProjections {
  Projection gate, up, down;  ///< No gate: undefined.

  bool is_adapted() const { return !gate.adapters.empty() || !up.adapters.empty() || !down.adapters.empty(); }
};
/// No norm there: both undefined.
struct NormWeights {
  at::Tensor weight, bias;
};
struct LayerWeights {
  NormWeights self_attention_norm, cross_attention_norm, feed_forward_norm;
  Projection self_query_key_value, self_output;
  Projection cross_query, cross_key_value,
      cross_output;  ///< Undefined where there is no source to attend to.
  FeedForwardProjections feed_forward;

  bool attends_to_source() const { return cross_query.weight.defined(); }
};
struct StackWeights {
  at::Tensor positions;      ///< [P, D], learned or constant; undefined: positions enter elsewhere.
  at::Tensor relative_bias;  ///< [buckets, H] or undefined.
  NormWeights embedding_norm;
  std::vector<LayerWeights> layers;
  NormWeights final_norm;
};

/// Leaves of the autograd graph that are views of two flat buffers, parameters and gradients (of those that
/// are trained), laid out as `layout` says.
class ParameterViews {
 public:
  /// `layout` must outlive this.
  ParameterViews(const ParameterLayout& layout, at::Tensor parameters, at::Tensor gradients);

  /// Undefined when the architecture has no such parameter.
  at::Tensor parameter(std::string_view name) const;
  /// A stack without what it does not have; `name` is "encoder" or "decoder".
  StackWeights stack(const std::string& name, int layers) const;
  /// All leaves made so far that require a gradient; once all are, they cover the gradients.
  const std::vector<at::Tensor>& trained_leaves() const noexcept { return trained_leaves_; }

 private:
  using Slots = std::span<const ParameterSlot>;
  Slots between(std::string_view first, std::string_view last) const;
  at::Tensor leaf(Slots slots) const;
  std::vector<at::Tensor> parts(Slots slots) const;
  std::vector<ops::LowRank> adapters(Slots slots) const;
  Projection projection(const std::string& prefix, std::string_view first, std::string_view last) const;
  NormWeights norm(const std::string& name) const;
  LayerWeights layer(const std::string& prefix) const;

  const ParameterLayout& layout_;
  at::Tensor parameters_, gradients_;
  mutable std::vector<at::Tensor> trained_leaves_;
};

}  // namespace epicrisis::train
