#include "checkpoint/model_shapes.hpp"

#include <cmath>

namespace epicrisis {
namespace {

// T5 v1.1 with the size of "base".
Architecture flan_t5_base() {
  Architecture a = t5_architecture(32128, 768, 12, 12, 2048);
  a.activation = Activation::kGeluTanh;
  a.gated_ffn = true;
  a.tied_output = false;
  a.output_scale = 1.0F;
  return a;
}

}  // namespace

Architecture pegasus_architecture(int vocab_size, int d_model, int layers, int heads, int ffn_dim,
                                  int max_positions) {
  Architecture a;
  a.family = "pegasus";
  a.vocab_size = vocab_size;
  a.d_model = d_model;
  a.head_dim = d_model / heads;
  a.encoder = a.decoder = {layers, heads, ffn_dim};
  a.max_positions = max_positions;
  a.embedding_scale = std::sqrt(static_cast<float>(d_model));
  a.attention_scale = 1.0F / std::sqrt(static_cast<float>(a.head_dim));
  a.output_bias = true;
  return a;
}

Architecture bart_architecture(int vocab_size, int d_model, int layers, int heads, int ffn_dim,
                               int max_positions) {
  Architecture a = pegasus_architecture(vocab_size, d_model, layers, heads, ffn_dim, max_positions);
  a.family = "bart";
  a.norm_placement = NormPlacement::kAfter;
  a.embedding_norm = true;
  a.final_norm = false;
  a.positions = PositionEncoding::kLearned;
  a.position_offset = 2;
  a.activation = Activation::kGelu;
  a.embedding_scale = 1.0F;
  return a;
}

Architecture t5_architecture(int vocab_size, int d_model, int layers, int heads, int ffn_dim) {
  Architecture a = pegasus_architecture(vocab_size, d_model, layers, heads, ffn_dim, 0);
  a.family = "t5";
  a.normalization = Normalization::kRmsNorm;
  a.norm_epsilon = 1e-6F;
  a.positions = PositionEncoding::kRelativeBias;
  a.relative_buckets = 32;
  a.relative_max_distance = 128;
  a.attention_bias = a.ffn_bias = a.output_bias = false;
  a.embedding_scale = a.attention_scale = 1.0F;
  a.output_scale = 1.0F / std::sqrt(static_cast<float>(d_model));
  return a;
}

Architecture gpt2_architecture(int vocab_size, int d_model, int layers, int heads, int ffn_dim,
                               int max_positions) {
  Architecture a = pegasus_architecture(vocab_size, d_model, layers, heads, ffn_dim, max_positions);
  a.family = "gpt2";
  a.topology = Topology::kDecoderOnly;
  a.encoder = {};
  a.positions = PositionEncoding::kLearned;
  a.activation = Activation::kGeluTanh;
  a.embedding_scale = 1.0F;
  a.output_bias = false;
  return a;
}

Architecture bloom_architecture(int vocab_size, int d_model, int layers, int heads, int ffn_dim) {
  Architecture a = gpt2_architecture(vocab_size, d_model, layers, heads, ffn_dim, 0);
  a.family = "bloom";
  a.embedding_norm = true;
  a.positions = PositionEncoding::kAlibi;
  return a;
}

std::optional<Architecture> published_shape(std::string_view name) {
  if (name == "pegasus-large") return pegasus_architecture(96103, 1024, 16, 16, 4096, 1024);
  if (name == "flan-t5-base") return flan_t5_base();
  if (name == "bart-large") return bart_architecture(50265, 1024, 12, 16, 4096, 1024);
  if (name == "gpt2") return gpt2_architecture(50257, 768, 12, 12, 3072, 1024);
  if (name == "bloom-560m") return bloom_architecture(250880, 1024, 24, 16, 4096);
  if (name == "bundled") return pegasus_architecture(8192, 256, 3, 4, 1024, 1024);
  return {};
}

}  // namespace epicrisis
