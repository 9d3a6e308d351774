#include "model_shapes.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace epicrisis::bench {
namespace {

constexpr std::size_t kBlock = 1'000'003;  // prime, so that rows differ

Architecture pegasus_large() {
  Architecture a;
  a.family = "pegasus";
  a.vocab_size = 96103;
  a.d_model = 1024;
  a.head_dim = 64;
  a.encoder = a.decoder = {16, 16, 4096};
  a.max_positions = 1024;
  a.embedding_scale = 32.0F;
  a.attention_scale = 0.125F;
  a.output_bias = true;
  return a;
}

Architecture flan_t5_base() {
  Architecture a;
  a.family = "t5";
  a.vocab_size = 32128;
  a.d_model = 768;
  a.head_dim = 64;
  a.encoder = a.decoder = {12, 12, 2048};
  a.normalization = Normalization::kRmsNorm;
  a.norm_epsilon = 1e-6F;
  a.positions = PositionEncoding::kRelativeBias;
  a.relative_buckets = 32;
  a.relative_max_distance = 128;
  a.activation = Activation::kGeluTanh;
  a.gated_ffn = true;
  a.attention_bias = a.ffn_bias = a.tied_output = false;
  return a;
}

class RepeatedWeights {
 public:
  explicit RepeatedWeights(DType dtype) : dtype_(dtype), block_(kBlock) {
    std::mt19937 random(1);
    std::uniform_real_distribution<float> uniform(-1.7F, 1.7F);  // variance 1
    for (float& value : block_) value = uniform(random);
  }

  /// Elements mean + deviation * a random number.
  void add(const std::string& name, std::vector<std::int64_t> shape, float mean, float deviation) {
    std::size_t count = 1;
    for (const std::int64_t size : shape) count *= static_cast<std::size_t>(size);
    const std::size_t element = size_bytes(dtype_);
    std::vector<float> values(block_.size());
    std::transform(block_.begin(), block_.end(), values.begin(),
                   [=](float value) { return mean + deviation * value; });
    std::vector<std::byte> narrowed(values.size() * element);
    (void)narrow_from_float32(values, dtype_, narrowed);
    std::vector<std::byte>& bytes = storage_->emplace_back(count * element);
    for (std::size_t first = 0; first < bytes.size(); first += narrowed.size())
      std::memcpy(bytes.data() + first, narrowed.data(), std::min(narrowed.size(), bytes.size() - first));
    tensors_[name] = {dtype_, std::move(shape), bytes};
  }

  void add_linear(const std::string& name, int in, int out, bool bias) {
    add(name + ".weight", {out, in}, 0.0F, 1.0F / std::sqrt(static_cast<float>(in)));
    if (bias) add(name + ".bias", {out}, 0.0F, 0.1F);
  }

  void add_norm(const std::string& name, const Architecture& a) {
    add(name + ".weight", {a.d_model}, 1.0F, 0.1F);
    if (a.normalization == Normalization::kLayerNorm) add(name + ".bias", {a.d_model}, 0.0F, 0.1F);
  }

  void add_attention(const std::string& name, const Architecture& a, int heads) {
    add_norm(name + "_norm", a);
    for (const char* part : {".query", ".key", ".value"})
      add_linear(name + part, a.d_model, heads * a.head_dim, a.attention_bias);
    add_linear(name + ".output", heads * a.head_dim, a.d_model, a.attention_bias);
  }

  void add_stack(const std::string& name, const StackShape& shape, const Architecture& a, bool decoder) {
    if (a.positions == PositionEncoding::kRelativeBias)
      add(name + ".relative_bias.weight", {a.relative_buckets, shape.heads}, 0.0F, 1.0F);
    for (int i = 0; i < shape.layers; ++i) {
      const std::string layer = name + ".layers." + std::to_string(i) + ".";
      add_attention(layer + "self_attention", a, shape.heads);
      if (decoder) add_attention(layer + "cross_attention", a, shape.heads);
      add_norm(layer + "feed_forward_norm", a);
      if (a.gated_ffn) add_linear(layer + "feed_forward.gate", a.d_model, shape.ffn_dim, a.ffn_bias);
      add_linear(layer + "feed_forward.up", a.d_model, shape.ffn_dim, a.ffn_bias);
      add_linear(layer + "feed_forward.down", shape.ffn_dim, a.d_model, a.ffn_bias);
    }
    add_norm(name + ".final_norm", a);
  }

  Weights take() { return {std::move(tensors_), storage_}; }

 private:
  DType dtype_;
  std::vector<float> block_;
  Weights::Map tensors_;
  std::shared_ptr<std::vector<std::vector<std::byte>>> storage_ =
      std::make_shared<std::vector<std::vector<std::byte>>>();
};

}  // namespace

std::optional<Architecture> shape_named(std::string_view name) {
  if (name == "pegasus-large") return pegasus_large();
  if (name == "flan-t5-base") return flan_t5_base();
  return {};
}

Checkpoint checkpoint_of_shape(const Architecture& a, DType dtype) {
  RepeatedWeights weights(dtype);
  weights.add("shared_embedding.weight", {a.vocab_size, a.d_model}, 0.0F,
              1.0F / std::sqrt(static_cast<float>(a.d_model)));
  weights.add_stack("encoder", a.encoder, a, false);
  weights.add_stack("decoder", a.decoder, a, true);
  if (!a.tied_output) weights.add_linear("output", a.d_model, a.vocab_size, false);
  if (a.output_bias) weights.add("output.bias", {a.vocab_size}, 0.0F, 0.5F);
  Checkpoint checkpoint;
  checkpoint.architecture = a;
  checkpoint.weights = weights.take();
  return checkpoint;
}

double bytes_of_a_step(const Architecture& a, int source_tokens, double weight_bytes) {
  const double width = a.d_model;
  const double inner = a.decoder.heads * a.head_dim;
  const double feed_forward = (a.gated_ffn ? 3.0 : 2.0) * width * a.decoder.ffn_dim;
  const double weights = a.decoder.layers * (6.0 * width * inner + feed_forward) + width * a.vocab_size;
  const double keys_values = 2.0 * a.decoder.layers * inner * source_tokens;
  return weights * weight_bytes + keys_values * 2.0;
}

}  // namespace epicrisis::bench
