#include "checkpoint/random_checkpoint.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace epicrisis {
namespace {

constexpr std::size_t kBlock = 1'000'003;  // prime, so that rows differ

class RandomWeights {
 public:
  RandomWeights(std::uint32_t seed, DType dtype) : random_(seed), dtype_(dtype) {}

  void add(const std::string& name, std::vector<std::int64_t> shape, float mean, float deviation) {
    std::size_t count = 1;
    for (const std::int64_t size : shape) count *= static_cast<std::size_t>(size);
    std::vector<std::byte>& bytes = storage_->emplace_back(count * size_bytes(dtype_));
    if (count <= kBlock) {
      std::normal_distribution<float> normal(mean, deviation);
      std::vector<float> values(count);
      for (float& value : values) value = normal(random_);
      (void)narrow_from_float32(values, dtype_, bytes);
    } else {
      repeat_block(mean, deviation, bytes);
    }
    tensors_[name] = {dtype_, std::move(shape), bytes};
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
  void repeat_block(float mean, float deviation, std::span<std::byte> bytes) {
    if (block_.empty()) {
      std::normal_distribution<float> normal;
      block_.resize(kBlock);
      for (float& value : block_) value = normal(random_);
    }
    const auto first = static_cast<std::ptrdiff_t>(random_() % kBlock);
    std::rotate(block_.begin(), block_.begin() + first, block_.end());
    std::vector<float> values(block_.size());
    std::transform(block_.begin(), block_.end(), values.begin(),
                   [=](float value) { return mean + deviation * value; });
    std::vector<std::byte> narrowed(values.size() * size_bytes(dtype_));
    (void)narrow_from_float32(values, dtype_, narrowed);
    for (std::size_t at = 0; at < bytes.size(); at += narrowed.size())
      std::memcpy(bytes.data() + at, narrowed.data(), std::min(narrowed.size(), bytes.size() - at));
  }

  std::mt19937 random_;
  DType dtype_;
  std::vector<float> block_;  // normally distributed; made when first needed
  Weights::Map tensors_;
  std::shared_ptr<std::vector<std::vector<std::byte>>> storage_ =
      std::make_shared<std::vector<std::vector<std::byte>>>();
};

}  // namespace

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

}  // namespace epicrisis
