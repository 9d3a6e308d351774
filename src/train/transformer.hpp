#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "checkpoint/architecture.hpp"
#include "checkpoint/weights.hpp"
#include "data/packed_batch.hpp"
#include "train/ops/ops.hpp"
#include "train/parameter_layout.hpp"

namespace epicrisis::train {

/// Gives every dropout of a forward pass its own seed, in order; off outside training.
class DropoutSeeds {
 public:
  DropoutSeeds() = default;
  explicit DropoutSeeds(std::uint64_t seed) : seed_(seed), active_(true) {}
  ops::Dropout next(float probability) {
    return active_ ? ops::Dropout{probability, seed_ + ++place_ * 0x9E3779B97F4A7C15ULL} : ops::Dropout{};
  }

 private:
  std::uint64_t seed_ = 0;
  std::uint64_t place_ = 0;
  bool active_ = false;
};

struct LossSettings {
  double label_smoothing = 0;
  double factor = 1;  ///< The mean loss is multiplied by this (1 / accumulation steps).
};

/// A projection, or several that read the same input side by side.
struct Projection {
  at::Tensor weight, bias;
};
struct NormWeights {
  at::Tensor weight, bias;
};
struct LayerWeights {
  NormWeights self_attention_norm, cross_attention_norm, feed_forward_norm;
  Projection self_query_key_value, self_output;
  Projection cross_query, cross_key_value, cross_output;  ///< Decoder only.
  ops::FeedForwardWeights feed_forward;
};
struct StackWeights {
  std::vector<LayerWeights> layers;
  NormWeights final_norm;
};

/// The encoder-decoder that an Architecture describes, on LibTorch: all parameters in one flat buffer,
/// gradients in another, activations packed without padding. Not thread-safe.
class Transformer {
 public:
  /// Parameters are zero until initialise() or load(). Errors: kUnsupported naming what cannot be trained.
  static Result<Transformer> create(const Architecture& architecture);

  /// Matrices from N(0, init_std), biases zero, norm weights one, the padding row of the embedding zero.
  void initialise(std::uint64_t seed);
  /// Errors: kCorrupt naming a tensor that is missing or has another shape.
  Result<void> load(const Weights& weights);
  /// A copy of the parameters under their canonical names, with the constant tensors that load() found.
  Weights weights() const;

  /// Computes the losses of training in bfloat16 where LibTorch's autocast does; parameters stay float32.
  void set_bfloat16(bool enabled) noexcept { bfloat16_ = enabled; }

  /// Mean cross-entropy over the labels that count, times settings.factor. backward() on it adds to
  /// gradients(). Precondition: some label counts.
  at::Tensor loss(const data::PackedBatch& batch, const LossSettings& settings,
                  DropoutSeeds dropout = {}) const;
  /// [target tokens, V]; tests.
  at::Tensor logits(const data::PackedBatch& batch) const;
  /// Encoder output after the final norm, [source tokens, D].
  at::Tensor encode(std::span<const TokenId> ids, const ops::RowOffsets& offsets,
                    DropoutSeeds& dropout) const;

  const Architecture& architecture() const noexcept { return architecture_; }
  const ParameterLayout& layout() const noexcept { return layout_; }
  at::Tensor& parameters() noexcept { return parameters_; }
  at::Tensor& gradients() noexcept { return gradients_; }
  const StackWeights& decoder() const noexcept { return decoder_; }
  const at::Tensor& embedding() const noexcept { return embedding_; }
  const at::Tensor& output_bias() const noexcept { return output_bias_; }
  /// Scaled token embeddings plus positions. positions[i]: place of ids[i] in its sequence.
  at::Tensor embed(std::span<const TokenId> ids, std::span<const std::int64_t> positions,
                   bool is_decoder) const;

 private:
  Transformer(const Architecture& architecture, ParameterLayout layout);
  at::Tensor leaf(std::string_view first, std::string_view last, std::vector<std::int64_t> shape);
  Projection projection(const std::string& prefix, const std::vector<std::string>& names, std::int64_t in);
  NormWeights norm_weights(const std::string& name);
  StackWeights stack_weights(const std::string& name, const StackShape& shape, bool is_decoder);
  at::Tensor norm(const at::Tensor& x, const NormWeights& weights) const;
  at::Tensor decode(const data::PackedBatch& batch, const at::Tensor& encoded, DropoutSeeds& dropout) const;
  at::Tensor self_attention_block(const at::Tensor& x, const LayerWeights& layer,
                                  const ops::RowOffsets& offsets, const ops::AttentionSettings& settings,
                                  DropoutSeeds& dropout) const;
  at::Tensor feed_forward_block(const at::Tensor& x, const LayerWeights& layer, DropoutSeeds& dropout) const;

  Architecture architecture_;
  ParameterLayout layout_;
  at::Tensor parameters_, gradients_;  // flat, [layout_.total()]
  at::Tensor embedding_;               // [V, D], a view of parameters_
  StackWeights encoder_, decoder_;
  at::Tensor encoder_positions_, decoder_positions_;  // [P, D], not trained
  at::Tensor output_bias_;                            // [V] or undefined, not trained
  bool bfloat16_ = false;
  bool positions_given_ = false;  // the checkpoint stores its position tables; so will ours
};

}  // namespace epicrisis::train
