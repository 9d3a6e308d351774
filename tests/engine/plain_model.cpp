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
    Matrix x = embed(source);
    for (int i = 0; i < a_.encoder.layers; ++i) {
      const std::string layer = "encoder.layers." + std::to_string(i) + ".";
      const Matrix normed = norm(layer + "self_attention_norm", x);
      add(x, attend(layer + "self_attention", a_.encoder.heads, normed, normed, false));
      feed_forward(layer, x);
    }
    return norm("encoder.final_norm", x);
  }

  Matrix decode(const Matrix& hidden, std::span<const TokenId> target) const {
    Matrix x = embed(target);
    for (int i = 0; i < a_.decoder.layers; ++i) {
      const std::string layer = "decoder.layers." + std::to_string(i) + ".";
      const Matrix normed = norm(layer + "self_attention_norm", x);
      add(x, attend(layer + "self_attention", a_.decoder.heads, normed, normed, true));
      const Matrix query = norm(layer + "cross_attention_norm", x);
      add(x, attend(layer + "cross_attention", a_.decoder.heads, query, hidden, false));
      feed_forward(layer, x);
    }
    return linear(a_.tied_output ? "shared_embedding" : "output", norm("decoder.final_norm", x),
                  "output.bias");
  }

 private:
  std::vector<double> values(const std::string& name) const {
    const TensorView* tensor = weights_.find(name);
    if (tensor == nullptr) return {};
    std::vector<float> floats(tensor->data.size() / sizeof(float));
    std::memcpy(floats.data(), tensor->data.data(), tensor->data.size());
    return {floats.begin(), floats.end()};
  }

  Matrix embed(std::span<const TokenId> tokens) const {
    const auto width = static_cast<std::size_t>(a_.d_model);
    const std::vector<double> table = values("shared_embedding.weight");
    Matrix x(tokens.size(), std::vector<double>(width));
    const std::size_t sines = (width + 1) / 2;
    for (std::size_t p = 0; p < tokens.size(); ++p) {
      for (std::size_t d = 0; d < width; ++d) {
        const std::size_t pair = d < sines ? d : d - sines;
        const double angle = static_cast<double>(p) /
                             std::pow(10000.0, 2.0 * static_cast<double>(pair) / static_cast<double>(width));
        const double position = d < sines ? std::sin(angle) : std::cos(angle);
        x[p][d] = table[static_cast<std::size_t>(tokens[p]) * width + d] * a_.embedding_scale + position;
      }
    }
    return x;
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
      for (const double value : row) mean += value / static_cast<double>(row.size());
      for (const double value : row)
        variance += (value - mean) * (value - mean) / static_cast<double>(row.size());
      for (std::size_t d = 0; d < row.size(); ++d)
        row[d] = (row[d] - mean) / std::sqrt(variance + a_.norm_epsilon) * weight[d] + bias[d];
    }
    return y;
  }

  Matrix attend(const std::string& name, int heads, const Matrix& queries, const Matrix& memory,
                bool causal) const {
    const Matrix q = linear(name + ".query", queries);
    const Matrix k = linear(name + ".key", memory);
    const Matrix v = linear(name + ".value", memory);
    Matrix context(q.size(), std::vector<double>(q.front().size()));
    const auto head_dim = static_cast<std::size_t>(a_.head_dim);
    for (std::size_t first = 0; first < static_cast<std::size_t>(heads) * head_dim; first += head_dim) {
      for (std::size_t i = 0; i < q.size(); ++i) {
        const std::size_t length = causal ? i + 1 : k.size();
        std::vector<double> weights(length);
        double sum = 0;
        for (std::size_t t = 0; t < length; ++t) {
          double score = 0;
          for (std::size_t d = first; d < first + head_dim; ++d) score += q[i][d] * k[t][d];
          weights[t] = std::exp(a_.attention_scale * score);
          sum += weights[t];
        }
        for (std::size_t t = 0; t < length; ++t)
          for (std::size_t d = first; d < first + head_dim; ++d) context[i][d] += weights[t] / sum * v[t][d];
      }
    }
    return linear(name + ".output", context);
  }

  void feed_forward(const std::string& layer, Matrix& x) const {
    Matrix hidden = linear(layer + "feed_forward.up", norm(layer + "feed_forward_norm", x));
    for (auto& row : hidden) {
      for (double& value : row) value = activated(value);
    }
    add(x, linear(layer + "feed_forward.down", hidden));
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

  static void add(Matrix& x, const Matrix& y) {
    for (std::size_t i = 0; i < x.size(); ++i)
      for (std::size_t d = 0; d < x[i].size(); ++d) x[i][d] += y[i][d];
  }

  const Architecture& a_;
  const Weights& weights_;
};

}  // namespace

Matrix plain_forward(const Checkpoint& checkpoint, std::span<const TokenId> source,
                     std::span<const TokenId> target) {
  const PlainModel model(checkpoint);
  return model.decode(model.encode(source), target);
}

}  // namespace epicrisis::testing
