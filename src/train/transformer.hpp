#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "checkpoint/architecture.hpp"
#include "checkpoint/weights.hpp"
#include "data/packed_batch.hpp"
#include "train/alignment_guide.hpp"
#include "train/blocks.hpp"
#include "train/ops/ops.hpp"
#include "train/parameter_layout.hpp"
#include "train/trained_parameters.hpp"
#include "train/transformer_weights.hpp"

namespace epicrisis::train {

struct LossSettings {
  double label_smoothing = 0;
  double factor = 1;  ///< The mean loss is multiplied by this (1 / accumulation steps).
};

/// The model that an Architecture describes, on LibTorch: all parameters in one flat buffer, gradients of the
/// trained ones in another, activations packed without padding. Not thread-safe.
class Transformer {
 public:
  /// Parameters are zero until initialise() or load(). All lies, and is computed, on `device`; what is given
  /// and taken, weights and token ids, lies on the CPU. Errors: those of trained_layout().
  static Result<Transformer> create(const Architecture& architecture, const TrainedParameters& trained = {},
                                    const at::Device& device = at::kCPU);

  /// The same model elsewhere, without its gradients. Precondition: its adapters, if any, are not merged.
  Transformer copy_on(const at::Device& device) const;

  /// Random matrices, biases zero, norm weights one; the padding row of the embedding zero where it is fixed.
  void initialise(std::uint64_t seed);
  /// Adapters as the reference starts them: they change nothing yet.
  void initialise_adapters(std::uint64_t seed);
  /// Errors: kCorrupt naming a tensor that is missing or has another shape.
  Result<void> load(const Weights& weights);
  /// The model's parameters, without those of adapters, under their canonical names, with the constant
  /// tensors that load() found. On the CPU they share the model's memory: what trains on, they show.
  Weights weights() const;

  /// Adds what the adapters have learnt to the weights they adapt, for good, and computes without them.
  void merge_adapters();

  /// Computes the losses of training in bfloat16 where LibTorch's autocast does; parameters stay float32.
  void set_bfloat16(bool enabled) noexcept { bfloat16_ = enabled; }

  /// Keeps of a layer only what it reads and computes the rest again in backward (Chen et al. 2016): the same
  /// losses to the bit for less memory and a third more time. Gradients may be summed in another order where
  /// adapters or bfloat16 read the encoder's output.
  void set_gradient_checkpointing(bool enabled) noexcept { gradient_checkpointing_ = enabled; }

  /// Adds guided alignment to the losses that are trained on. Precondition: the heads exist.
  void set_alignment_guide(AlignmentGuide guide) { alignment_ = std::move(guide); }

  /// Mean cross-entropy over the labels that count, times settings.factor; while gradients are recorded with
  /// what guided alignment adds per label. backward() on it adds to gradients(). Decoder-only models read
  /// decoder_ids alone. Precondition: some label counts.
  at::Tensor loss(const data::PackedBatch& batch, const LossSettings& settings,
                  DropoutSeeds dropout = {}) const;
  /// [target tokens, V]; tests.
  at::Tensor logits(const data::PackedBatch& batch) const;
  /// Encoder output after the final norm, [source tokens, D]. Precondition: there is an encoder.
  at::Tensor encode(std::span<const TokenId> ids, const ops::RowOffsets& offsets,
                    DropoutSeeds& dropout) const;

  at::Device device() const { return parameters_.device(); }
  const Architecture& architecture() const noexcept { return architecture_; }
  const ParameterLayout& layout() const noexcept { return layout_; }
  at::Tensor& parameters() noexcept { return parameters_; }
  const at::Tensor& parameters() const noexcept { return parameters_; }
  at::Tensor& gradients() noexcept { return gradients_; }
  const StackWeights& decoder() const noexcept { return decoder_; }
  /// Leaves of the autograd graph whose gradients together are gradients().
  const std::vector<at::Tensor>& trained_leaves() const noexcept { return trained_leaves_; }

  /// Scaled token embeddings plus positions, normalized where the model does so. positions[i]: place of
  /// ids[i] in its sequence.
  at::Tensor embed(std::span<const TokenId> ids, std::span<const std::int64_t> positions,
                   bool is_decoder) const;
  /// What the stack's self-attention adds to scores of sequences of up to `longest` tokens.
  ops::PositionBias position_bias(bool is_decoder, std::int64_t longest) const;
  /// Logits of final hidden states: [N, D] to [N, V].
  at::Tensor output(const at::Tensor& hidden) const;

 private:
  Transformer(const Architecture& architecture, ParameterLayout layout, const at::Device& device);
  /// encoded: what cross-attention reads, with its offsets; undefined without an encoder.
  struct Source {
    at::Tensor encoded;
    const ops::RowOffsets& offsets;
  };
  /// What a layer's cross-attention compared.
  struct Compared {
    at::Tensor query, key_value;
  };
  /// Those of the layers that are guided, by layer.
  using GuidedLayers = std::map<std::size_t, Compared>;
  at::Tensor run_layer(const at::Tensor& input, const LayerWeights& layer, bool is_decoder,
                       const ops::RowOffsets& offsets, const Source& source, const ops::PositionBias& bias,
                       DropoutSeeds& dropout, Compared* compared = nullptr) const;
  at::Tensor run_layer_again_in_backward(const at::Tensor& input, const LayerWeights& layer, bool is_decoder,
                                         const ops::RowOffsets& offsets, const Source& source,
                                         const ops::PositionBias& bias, DropoutSeeds& dropout) const;
  at::Tensor run_stack(const at::Tensor& embedded, bool is_decoder, const ops::RowOffsets& offsets,
                       const Source& source, DropoutSeeds& dropout, GuidedLayers* guided = nullptr) const;
  at::Tensor decode(const data::PackedBatch& batch, DropoutSeeds& dropout,
                    GuidedLayers* guided = nullptr) const;
  at::Tensor alignment_loss(const data::PackedBatch& batch, const GuidedLayers& guided) const;
  at::Tensor scaled_for_output(const at::Tensor& hidden) const;
  const at::Tensor& output_weight() const { return output_.defined() ? output_ : embedding_; }
  bool has_encoder() const { return architecture_.topology == Topology::kEncoderDecoder; }
  bool has_constant_positions() const { return architecture_.positions == PositionEncoding::kSinusoidal; }
  Result<void> load_constants(const Weights& weights);

  Architecture architecture_;
  ParameterLayout layout_;
  at::Tensor parameters_;  // flat, [layout_.total()]
  at::Tensor gradients_;   // flat, [layout_.trained_total()]
  at::Tensor embedding_;   // [V, D], a view of parameters_
  at::Tensor output_;      // [V, D], another; undefined when tied
  StackWeights encoder_, decoder_;
  at::Tensor output_bias_;  // [V] or undefined, not trained
  std::vector<at::Tensor> trained_leaves_;
  bool bfloat16_ = false;
  bool gradient_checkpointing_ = false;
  AlignmentGuide alignment_;
  bool positions_given_ = false;  // the checkpoint stores its sinusoidal tables; so will ours
};

}  // namespace epicrisis::train
