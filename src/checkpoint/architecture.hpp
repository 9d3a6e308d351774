#pragma once

#include <limits>
#include <optional>
#include <string>

#include "base/token_id.hpp"

namespace epicrisis {

enum class Topology { kEncoderDecoder, kDecoderOnly };
enum class Normalization { kLayerNorm, kRmsNorm };
/// Where the norm of a residual block stands: x + f(norm(x)) or norm(x + f(x)).
enum class NormPlacement { kBefore, kAfter };
/// How positions enter. Sinusoidal: sine and cosine halves, as the Pegasus and Marian implementations lay
/// them out (not interleaved). RelativeBias: T5's bucketed bias. Alibi: BLOOM's per-head slopes.
enum class PositionEncoding { kSinusoidal, kLearned, kRelativeBias, kAlibi, kRotary };
enum class Activation { kRelu, kGelu, kGeluTanh, kSilu };

/// Size of one stack of layers.
struct StackShape {
  int layers = 0;
  int heads = 0;    ///< H
  int ffn_dim = 0;  ///< F

  bool operator==(const StackShape&) const = default;
};

/// What a model family computes, as data: read from config.json by checkpoint/families/<family>.cpp, and
/// driving both the engine and the LibTorch module. Two checkpoints with equal Architecture run the same
/// code.
struct Architecture {
  std::string family;  ///< `model_type` of config.json: "pegasus", "bart", ...
  Topology topology = Topology::kEncoderDecoder;
  int vocab_size = 0;  ///< V: rows of the embedding matrix.
  int d_model = 0;     ///< D
  int head_dim = 0;    ///< Dh; heads * head_dim may differ from D (T5).
  StackShape encoder;  ///< No layers when decoder-only.
  StackShape decoder;

  Normalization normalization = Normalization::kLayerNorm;
  NormPlacement norm_placement = NormPlacement::kBefore;
  float norm_epsilon = 1e-5F;
  bool embedding_norm = false;  ///< A norm right after the embeddings (BART, BLOOM).
  bool final_norm = true;       ///< A norm after the last layer of each stack.

  PositionEncoding positions = PositionEncoding::kSinusoidal;
  int max_positions = 0;          ///< Longest source, and longest target, in tokens; 0: no limit (T5, BLOOM).
  int position_offset = 0;        ///< First row used of a learned position table (BART: 2).
  int relative_buckets = 0;       ///< kRelativeBias only.
  int relative_max_distance = 0;  ///< kRelativeBias only.

  Activation activation = Activation::kRelu;
  bool gated_ffn = false;      ///< act(gate(x)) * up(x) instead of act(up(x)).
  bool attention_bias = true;  ///< Biases in query, key, value and output projections.
  bool ffn_bias = true;
  float embedding_scale = 1.0F;  ///< Token embeddings are multiplied by this (sqrt(D) in Pegasus).
  float attention_scale = 1.0F;  ///< Queries are multiplied by this (Dh^-0.5; 1 in T5).
  bool tied_output = true;       ///< The output projection is the shared embedding matrix.
  float output_scale = 1.0F;  ///< Decoder output is multiplied by this before projection (D^-0.5 in tied T5).
  bool output_bias = false;   ///< A bias [V] on the logits (`final_logits_bias`).

  TokenId pad_token_id = 0;
  TokenId eos_token_id = 1;
  TokenId decoder_start_token_id = 0;  ///< Encoder-decoder only.
  std::optional<TokenId> bos_token_id;

  /// Dropout probabilities; training only.
  float dropout = 0.0F;  ///< Of what a residual block adds.
  float attention_dropout = 0.0F;
  float activation_dropout = 0.0F;
  std::optional<float> embedding_dropout;  ///< After the embeddings; unset: as `dropout`.
  float final_dropout = 0.0F;              ///< After the final norm of each stack (T5).
  /// Training: looking up the pad token gives its row no gradient (`padding_idx` of the reference's
  /// embedding in Pegasus and BART; T5, GPT-2 and BLOOM have none).
  bool padding_row_fixed = true;
  float init_std = 0.02F;  ///< Training from scratch only.
  /// Training from scratch: T5's scheme, where init_std is `initializer_factor` and a matrix that reads n
  /// features starts with a deviation of init_std * n^-0.5.
  bool init_by_fan_in = false;

  bool operator==(const Architecture&) const = default;
};

/// Tokens that one sequence may have: the model's positions, or as many as an int counts where the model sets
/// no limit.
inline int max_tokens(const Architecture& architecture) noexcept {
  return architecture.max_positions > 0 ? architecture.max_positions : std::numeric_limits<int>::max();
}

}  // namespace epicrisis
