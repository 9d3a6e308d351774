#include "support/random_checkpoint.hpp"

#include <cmath>
#include <memory>
#include <random>
#include <string>
#include <utility>

namespace epicrisis::testing {
namespace {

class RandomWeights {
 public:
  RandomWeights(std::uint32_t seed, DType dtype) : random_(seed), dtype_(dtype) {}

  void add(const std::string& name, std::vector<std::int64_t> shape, float mean, float deviation) {
    std::int64_t count = 1;
    for (const std::int64_t size : shape) count *= size;
    std::normal_distribution<float> normal(mean, deviation);
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values) value = normal(random_);
    storage_->emplace_back(values.size() * size_bytes(dtype_));
    (void)narrow_from_float32(values, dtype_, storage_->back());
    tensors_[name] = {dtype_, std::move(shape), storage_->back()};
  }

  void add_norm(const std::string& name, const Architecture& a) {
    add(name + ".weight", {a.d_model}, 1.0F, 0.1F);
    if (a.normalization == Normalization::kLayerNorm) add(name + ".bias", {a.d_model}, 0.0F, 0.1F);
  }

  void add_linear(const std::string& name, int in, int out, bool bias) {
    add(name + ".weight", {out, in}, 0.0F, 1.0F / std::sqrt(static_cast<float>(in)));
    if (bias) add(name + ".bias", {out}, 0.0F, 0.1F);
  }

  void add_attention(const std::string& name, const Architecture& a, int heads) {
    add_norm(name + "_norm", a);
    for (const char* part : {".query", ".key", ".value"})
      add_linear(name + part, a.d_model, heads * a.head_dim, a.attention_bias);
    add_linear(name + ".output", heads * a.head_dim, a.d_model, a.attention_bias);
  }

  void add_stack(const std::string& name, const StackShape& shape, const Architecture& a,
                 bool cross_attention) {
    if (a.positions == PositionEncoding::kLearned)
      add(name + ".positions.weight", {a.max_positions + a.position_offset, a.d_model}, 0.0F, 0.5F);
    if (a.positions == PositionEncoding::kRelativeBias)
      add(name + ".relative_bias.weight", {a.relative_buckets, shape.heads}, 0.0F, 1.0F);
    if (a.embedding_norm) add_norm(name + ".embedding_norm", a);
    for (int i = 0; i < shape.layers; ++i) {
      const std::string layer = name + ".layers." + std::to_string(i) + ".";
      add_attention(layer + "self_attention", a, shape.heads);
      if (cross_attention) add_attention(layer + "cross_attention", a, shape.heads);
      add_norm(layer + "feed_forward_norm", a);
      if (a.gated_ffn) add_linear(layer + "feed_forward.gate", a.d_model, shape.ffn_dim, a.ffn_bias);
      add_linear(layer + "feed_forward.up", a.d_model, shape.ffn_dim, a.ffn_bias);
      add_linear(layer + "feed_forward.down", shape.ffn_dim, a.d_model, a.ffn_bias);
    }
    if (a.final_norm) add_norm(name + ".final_norm", a);
  }

  Weights take() { return {std::move(tensors_), storage_}; }

 private:
  std::mt19937 random_;
  DType dtype_;
  Weights::Map tensors_;
  std::shared_ptr<std::vector<std::vector<std::byte>>> storage_ =
      std::make_shared<std::vector<std::vector<std::byte>>>();
};

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

Checkpoint random_checkpoint(const Architecture& architecture, std::uint32_t seed, DType dtype) {
  RandomWeights weights(seed, dtype);
  const Architecture& a = architecture;
  weights.add("shared_embedding.weight", {a.vocab_size, a.d_model}, 0.0F,
              1.0F / std::sqrt(static_cast<float>(a.d_model)));
  const bool has_encoder = a.topology == Topology::kEncoderDecoder;
  if (has_encoder) weights.add_stack("encoder", a.encoder, a, false);
  weights.add_stack("decoder", a.decoder, a, has_encoder);
  if (!a.tied_output) weights.add_linear("output", a.d_model, a.vocab_size, false);
  if (a.output_bias) weights.add("output.bias", {a.vocab_size}, 0.0F, 0.5F);
  Checkpoint checkpoint;
  checkpoint.architecture = architecture;
  checkpoint.weights = weights.take();
  return checkpoint;
}

std::vector<TokenId> random_source(const Architecture& architecture, int count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<TokenId> token(2, architecture.vocab_size - 1);
  std::vector<TokenId> source;
  while (static_cast<int>(source.size()) + 1 < count) source.push_back(token(random));
  source.push_back(architecture.eos_token_id);
  return source;
}

}  // namespace epicrisis::testing
