#include "engine/plain_model.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <string>

namespace epicrisis::testing {
namespace {

using Matrix = std::vector<std::vector<double>>;

class PlainModel {
 public:
  explicit PlainModel(const Checkpoint& checkpoint)
      : a_(checkpoint.architecture), weights_(checkpoint.weights) {}

  Matrix encode(std::span<const TokenId> source) const {
    Matrix x = embed("encoder", source);
    for (int i = 0; i < a_.encoder.layers; ++i) {
      const std::string layer = "encoder.layers." + std::to_string(i) + ".";
      residual(layer + "self_attention", x, [&](const Matrix& in) {
        return attend("encoder", layer + "self_attention", a_.encoder.heads, in, in);
      });
      residual(layer + "feed_forward", x, [&](const Matrix& in) { return feed_forward(layer, in); });
    }
    return a_.final_norm ? norm("encoder.final_norm", x) : x;
  }

  /// `memory`: the encoder's output, empty in a decoder-only model.
  Matrix decode(const Matrix& memory, std::span<const TokenId> target) const {
    Matrix x = embed("decoder", target);
    for (int i = 0; i < a_.decoder.layers; ++i) {
      const std::string layer = "decoder.layers." + std::to_string(i) + ".";
      residual(layer + "self_attention", x, [&](const Matrix& in) {
        return attend("decoder", layer + "self_attention", a_.decoder.heads, in, in);
      });
      if (!memory.empty())
        residual(layer + "cross_attention", x, [&](const Matrix& in) {
          return attend("cross", layer + "cross_attention", a_.decoder.heads, in, memory);
        });
      residual(layer + "feed_forward", x, [&](const Matrix& in) { return feed_forward(layer, in); });
    }
    return a_.final_norm ? norm("decoder.final_norm", x) : x;
  }

  Matrix project(Matrix hidden) const {
    for (auto& row : hidden)
      for (double& value : row) value *= a_.output_scale;
    return linear(a_.tied_output ? "shared_embedding" : "output", hidden, "output.bias");
  }

 private:
  std::vector<double> values(const std::string& name) const {
    const TensorView* tensor = weights_.find(name);
    if (tensor == nullptr) return {};
    std::vector<float> floats(tensor->data.size() / sizeof(float));
    std::memcpy(floats.data(), tensor->data.data(), tensor->data.size());
    return {floats.begin(), floats.end()};
  }

  Matrix embed(const std::string& stack, std::span<const TokenId> tokens) const {
    const auto width = static_cast<std::size_t>(a_.d_model);
    const std::vector<double> table = values("shared_embedding.weight");
    Matrix x(tokens.size(), std::vector<double>(width));
    for (std::size_t p = 0; p < tokens.size(); ++p) {
      for (std::size_t d = 0; d < width; ++d)
        x[p][d] = table[static_cast<std::size_t>(tokens[p]) * width + d] * a_.embedding_scale +
                  position(stack, p, d);
    }
    return a_.embedding_norm ? norm(stack + ".embedding_norm", x) : x;
  }

  double position(const std::string& stack, std::size_t p, std::size_t d) const {
    const auto width = static_cast<std::size_t>(a_.d_model);
    if (a_.positions == PositionEncoding::kLearned)
      return values(stack +
                    ".positions.weight")[(p + static_cast<std::size_t>(a_.position_offset)) * width + d];
    if (a_.positions != PositionEncoding::kSinusoidal) return 0;
    const std::size_t sines = (width + 1) / 2;
    const std::size_t pair = d < sines ? d : d - sines;
    const double angle = static_cast<double>(p) /
                         std::pow(10000.0, 2.0 * static_cast<double>(pair) / static_cast<double>(width));
    return d < sines ? std::sin(angle) : std::cos(angle);
  }

  // What self-attention of a stack adds to the score of key t for query i.
  double position_bias(const std::string& stack, int head, int heads, int i, int t) const {
    if (a_.positions == PositionEncoding::kAlibi) {  // as the reference: the key's position, not the distance
      int power = 1;
      while (2 * power <= heads) power *= 2;
      return t * (head < power ? std::pow(2.0, -8.0 * (head + 1) / power)
                               : std::pow(2.0, -4.0 * (2 * (head - power) + 1) / power));
    }
    if (a_.positions != PositionEncoding::kRelativeBias || stack == "cross") return 0;
    int buckets = a_.relative_buckets;
    int bucket = 0;
    int distance = std::max(i - t, 0);
    if (stack == "encoder") {
      buckets /= 2;
      bucket = t > i ? buckets : 0;
      distance = std::abs(i - t);
    }
    const int exact = buckets / 2;
    if (distance < exact) {
      bucket += distance;
    } else {
      const double share = std::log(static_cast<double>(distance) / exact) /
                           std::log(static_cast<double>(a_.relative_max_distance) / exact);
      // Where the share falls on a bucket's edge, the bucket that begins there.
      bucket += std::min(exact + static_cast<int>(share * (buckets - exact) + 1e-9), buckets - 1);
    }
    return values(stack + ".relative_bias.weight")[static_cast<std::size_t>(bucket * heads + head)];
  }

  Matrix linear(const std::string& name, const Matrix& x, const std::string& bias_name) const {
    const std::vector<double> weight = values(name + ".weight");
    const std::vector<double> bias = values(bias_name);
    const std::size_t in = x.front().size();
    Matrix y(x.size(), std::vector<double>(weight.size() / in));
    for (std::size_t i = 0; i < x.size(); ++i) {
      for (std::size_t j = 0; j < y[i].size(); ++j) {
        if (!bias.empty()) y[i][j] = bias[j];
        for (std::size_t p = 0; p < in; ++p) y[i][j] += x[i][p] * weight[j * in + p];
      }
    }
    return y;
  }
  Matrix linear(const std::string& name, const Matrix& x) const { return linear(name, x, name + ".bias"); }

  Matrix norm(const std::string& name, const Matrix& x) const {
    const std::vector<double> weight = values(name + ".weight");
    const std::vector<double> bias = values(name + ".bias");
    Matrix y = x;
    for (auto& row : y) {
      double mean = 0;
      double variance = 0;
      if (a_.normalization == Normalization::kLayerNorm)
        for (const double value : row) mean += value / static_cast<double>(row.size());
      for (const double value : row)
        variance += (value - mean) * (value - mean) / static_cast<double>(row.size());
      for (std::size_t d = 0; d < row.size(); ++d)
        row[d] = (row[d] - mean) / std::sqrt(variance + a_.norm_epsilon) * weight[d] +
                 (bias.empty() ? 0 : bias[d]);
    }
    return y;
  }

  /// x + f(norm(x)), or norm(x + f(x)).
  template <class F>
  void residual(const std::string& block, Matrix& x, const F& f) const {
    const bool before = a_.norm_placement == NormPlacement::kBefore;
    const Matrix y = f(before ? norm(block + "_norm", x) : x);
    for (std::size_t i = 0; i < x.size(); ++i)
      for (std::size_t d = 0; d < x[i].size(); ++d) x[i][d] += y[i][d];
    if (!before) x = norm(block + "_norm", x);
  }

  /// `stack`: "encoder", "decoder" (causal) or "cross".
  Matrix attend(const std::string& stack, const std::string& name, int heads, const Matrix& queries,
                const Matrix& memory) const {
    const Matrix q = linear(name + ".query", queries);
    const Matrix k = linear(name + ".key", memory);
    const Matrix v = linear(name + ".value", memory);
    Matrix context(q.size(), std::vector<double>(q.front().size()));
    const auto head_dim = static_cast<std::size_t>(a_.head_dim);
    for (std::size_t first = 0; first < static_cast<std::size_t>(heads) * head_dim; first += head_dim) {
      for (std::size_t i = 0; i < q.size(); ++i) {
        const std::size_t length = stack == "decoder" ? i + 1 : k.size();
        std::vector<double> weights(length);
        double sum = 0;
        for (std::size_t t = 0; t < length; ++t) {
          double score = 0;
          for (std::size_t d = first; d < first + head_dim; ++d) score += q[i][d] * k[t][d];
          score = a_.attention_scale * score + position_bias(stack, static_cast<int>(first / head_dim), heads,
                                                             static_cast<int>(i), static_cast<int>(t));
          weights[t] = std::exp(score);
          sum += weights[t];
        }
        for (std::size_t t = 0; t < length; ++t)
          for (std::size_t d = first; d < first + head_dim; ++d) context[i][d] += weights[t] / sum * v[t][d];
      }
    }
    return linear(name + ".output", context);
  }

  Matrix feed_forward(const std::string& layer, const Matrix& x) const {
    Matrix hidden = linear(layer + (a_.gated_ffn ? "feed_forward.gate" : "feed_forward.up"), x);
    for (auto& row : hidden) {
      for (double& value : row) value = activated(value);
    }
    if (a_.gated_ffn) {
      const Matrix up = linear(layer + "feed_forward.up", x);
      for (std::size_t i = 0; i < up.size(); ++i)
        for (std::size_t d = 0; d < up[i].size(); ++d) hidden[i][d] *= up[i][d];
    }
    return linear(layer + "feed_forward.down", hidden);
  }

  double activated(double x) const {
    switch (a_.activation) {
      case Activation::kRelu:
        return std::max(x, 0.0);
      case Activation::kGelu:
        return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
      case Activation::kGeluTanh:
        return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
      case Activation::kSilu:
        return x / (1 + std::exp(-x));
    }
    return std::numeric_limits<double>::quiet_NaN();
  }

  const Architecture& a_;
  const Weights& weights_;
};

}  // namespace

PlainOutput plain_forward(const Checkpoint& checkpoint, std::span<const TokenId> source,
                          std::span<const TokenId> target) {
  const PlainModel model(checkpoint);
  PlainOutput output;
  if (checkpoint.architecture.topology == Topology::kEncoderDecoder) output.encoder = model.encode(source);
  output.hidden = model.decode(output.encoder, target);
  output.logits = model.project(output.hidden);
  return output;
}

}  // namespace epicrisis::testing
