#include "train/copying_initialization.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace epicrisis::train {
namespace {

constexpr float kTokenAmplitude =
    1.0F;  ///< Root mean square of a scaled embedding in its "token" dimensions.
constexpr float kPositionSharpness = 3.0F;  ///< Attention logit per sinusoid pair that agrees.
constexpr float kMatchLogit = 12.0F;        ///< Attention logit of two equal "previous token" values.
constexpr float kWriteGain = 1.5F;          ///< Of the projection into "previous token".
constexpr float kCopyGain = 3.0F;           ///< Of the token that cross-attention found.
constexpr int kTypicalPositions = 256;      ///< Means over the position table are taken over this many rows.

/// A matrix [rows, columns] of the parameters, row-major.
struct Matrix {
  std::span<float> values;
  int columns;
  float& at(int row, int column) {
    return values[static_cast<std::size_t>(row) * static_cast<std::size_t>(columns) +
                  static_cast<std::size_t>(column)];
  }
};

/// Dense columns-by-rows scratch of one attention head: [Dh, D].
class HeadMatrix {
 public:
  HeadMatrix(int head_dim, int d_model)
      : columns_(d_model), values_(static_cast<std::size_t>(head_dim) * static_cast<std::size_t>(d_model)) {}
  float& at(int row, int column) { return values_[index(row, column)]; }
  /// Row `row` times `vector`.
  float product(int row, std::span<const float> vector) const {
    return std::inner_product(vector.begin(), vector.end(),
                              values_.begin() + static_cast<std::ptrdiff_t>(index(row, 0)), 0.0F);
  }
  std::span<const float> row(int number) const {
    return std::span(values_).subspan(index(number, 0), static_cast<std::size_t>(columns_));
  }

 private:
  std::size_t index(int row, int column) const {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(columns_) +
           static_cast<std::size_t>(column);
  }
  int columns_;
  std::vector<float> values_;
};

/// What each part of the model width stands for at the start.
struct Subspaces {
  std::vector<int> sines,
      cosines;                ///< The fastest Dh / 2 sinusoids: dimension of each sine and of its cosine.
  std::vector<int> previous;  ///< Dh dimensions.
  std::vector<int> token;     ///< (H - 2) Dh dimensions.

  Subspaces(int d_model, int head_dim) {
    const int half = d_model / 2;
    const int pairs = head_dim / 2;
    for (int i = 0; i < pairs; ++i) {
      sines.push_back(i);
      cosines.push_back(half + i);
    }
    for (int i = 0; i < head_dim; ++i) previous.push_back(half + pairs + i);
    for (int i = pairs; i < half; ++i) token.push_back(i);
    for (int i = half + pairs + head_dim; i < d_model; ++i) token.push_back(i);
  }
};

/// Mean and spread of layer-0 inputs that the position table causes, and the norms that follow from them.
struct InputStatistics {
  std::vector<float> centred_mean;  ///< Mean position row minus its own mean, [D].
  float mean = 0;                   ///< Of the position table.
  float variance = 0;               ///< Within a row, averaged over rows.

  explicit InputStatistics(int d_model) : centred_mean(static_cast<std::size_t>(d_model)) {
    const int half = d_model / 2;
    for (int position = 0; position < kTypicalPositions; ++position) {
      std::vector<float> row(static_cast<std::size_t>(d_model));
      for (int i = 0; i < half; ++i) {
        const double angle = position * std::pow(10000.0, -2.0 * i / d_model);
        row[static_cast<std::size_t>(i)] = static_cast<float>(std::sin(angle));
        row[static_cast<std::size_t>(half + i)] = static_cast<float>(std::cos(angle));
      }
      const float row_mean = std::accumulate(row.begin(), row.end(), 0.0F) / static_cast<float>(d_model);
      for (std::size_t i = 0; i < row.size(); ++i) {
        centred_mean[i] += row[i] / kTypicalPositions;
        variance +=
            (row[i] - row_mean) * (row[i] - row_mean) / static_cast<float>(d_model * kTypicalPositions);
      }
      mean += row_mean / kTypicalPositions;
    }
    for (float& value : centred_mean) value -= mean;
  }
};

/// Lays the circuit of the header into one model.
class CopyingCircuit {
 public:
  CopyingCircuit(const Architecture& architecture, const ParameterLayout& layout, std::uint64_t seed,
                 std::span<float> parameters)
      : d_model_(architecture.d_model),
        head_dim_(architecture.head_dim),
        pad_token_id_(architecture.pad_token_id),
        embedding_scale_(architecture.embedding_scale),
        layout_(layout),
        parameters_(parameters),
        subspaces_(d_model_, head_dim_),
        statistics_(d_model_),
        random_(seed),
        projection_(head_dim_, d_model_) {
    const float token_share = static_cast<float>(subspaces_.token.size()) / static_cast<float>(d_model_);
    input_norm_ = std::sqrt(token_share * kTokenAmplitude * kTokenAmplitude + statistics_.variance);
    // Variance that the writers leave in each "previous token" dimension, and what the norms before
    // cross-attention divide by.
    written_variance_ = std::pow(kWriteGain * kTokenAmplitude / input_norm_, 2.0F);
    const float written_share =
        written_variance_ * static_cast<float>(head_dim_) / static_cast<float>(d_model_);
    encoder_norm_ = std::sqrt(input_norm_ * input_norm_ + written_share);
    decoder_norm_ = std::sqrt(statistics_.variance + written_share);
    for (int row = 0; row < head_dim_; ++row) {
      for (const int column : subspaces_.token)
        projection_.at(row, column) = normal() / std::sqrt(static_cast<float>(subspaces_.token.size()));
    }
  }

  void lay() {
    embeddings();
    const std::vector<float> typical = typical_input(input_norm_);
    const std::string encoder = "encoder.layers.0.self_attention.";
    const std::string decoder = "decoder.layers.0.self_attention.";
    attend_by_position(encoder, 0, -1);
    write(encoder, 0, projection_, subspaces_.previous, kWriteGain, typical);
    attend_by_position(decoder, 0, 0);
    write(decoder, 0, projection_, subspaces_.previous, kWriteGain, typical);
    const std::vector<float> zero(static_cast<std::size_t>(d_model_));
    const std::vector<float> typical_encoded = typical_input(encoder_norm_);
    const int token_heads = static_cast<int>(subspaces_.token.size()) / head_dim_;
    for (int head = 0; head < token_heads; ++head) {
      const std::vector<int> part(subspaces_.token.begin() + head * head_dim_,
                                  subspaces_.token.begin() + (head + 1) * head_dim_);
      const HeadMatrix select = selection(part, 1.0F);
      attend_by_position(decoder, head + 1, 0);
      write(decoder, head + 1, select, part, -input_norm_, zero);
      attend_by_previous_token("decoder.layers.1.cross_attention.", head);
      write("decoder.layers.1.cross_attention.", head, select, part, kCopyGain, typical_encoded);
    }
  }

 private:
  float normal() {
    // Box and Muller 1958; std::normal_distribution differs between libraries.
    const double u = (static_cast<double>(random_() >> 11) + 1.0) * 0x1p-53;
    const double v = static_cast<double>(random_() >> 11) * 0x1p-53;
    return static_cast<float>(std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v));
  }

  std::span<float> values(const std::string& name) {
    const ParameterSlot& slot = layout_.slot(name);
    return parameters_.subspan(static_cast<std::size_t>(slot.offset), static_cast<std::size_t>(slot.count));
  }

  /// What a norm that divides by `norm` makes of an average input.
  std::vector<float> typical_input(float norm) const {
    std::vector<float> result = statistics_.centred_mean;
    for (float& value : result) value /= norm;
    return result;
  }

  HeadMatrix selection(const std::vector<int>& dimensions, float gain) const {
    HeadMatrix matrix(head_dim_, d_model_);
    for (int row = 0; row < head_dim_; ++row)
      matrix.at(row, dimensions[static_cast<std::size_t>(row)]) = gain;
    return matrix;
  }

  void embeddings() {
    Matrix embedding{values("shared_embedding.weight"), d_model_};
    const int rows = static_cast<int>(embedding.values.size()) / d_model_;
    std::fill(embedding.values.begin(), embedding.values.end(), 0.0F);
    for (int row = 0; row < rows; ++row) {
      if (row == pad_token_id_) continue;  // stays zero, as the reference keeps it
      for (const int column : subspaces_.token)
        embedding.at(row, column) = normal() * kTokenAmplitude / embedding_scale_;
    }
  }

  /// Rows of one head in a query, key or value projection become `matrix`, the bias cancels what `mean` would
  /// give (times sign).
  void set_projection(const std::string& name, int head, const HeadMatrix& matrix,
                      std::span<const float> mean, float sign) {
    Matrix weight{values(name + ".weight"), d_model_};
    const std::span<float> bias = values(name + ".bias");
    for (int row = 0; row < head_dim_; ++row) {
      const std::span<const float> source = matrix.row(row);
      std::copy(source.begin(), source.end(), &weight.at(head * head_dim_ + row, 0));
      bias[static_cast<std::size_t>(head * head_dim_ + row)] = sign * matrix.product(row, mean);
    }
  }

  /// The head attends to the position `shift` away: angle addition turns the sinusoids of a position into
  /// those of its neighbour.
  void attend_by_position(const std::string& attention, int head, int shift) {
    const float gain = std::sqrt(kPositionSharpness * std::sqrt(static_cast<float>(head_dim_))) * input_norm_;
    const int pairs = head_dim_ / 2;
    HeadMatrix query(head_dim_, d_model_);
    HeadMatrix key(head_dim_, d_model_);
    for (int i = 0; i < pairs; ++i) {
      const int sine = subspaces_.sines[static_cast<std::size_t>(i)];
      const int cosine = subspaces_.cosines[static_cast<std::size_t>(i)];
      const double turn = shift * std::pow(10000.0, -2.0 * i / d_model_);
      const auto c = static_cast<float>(std::cos(turn));
      const auto s = static_cast<float>(std::sin(turn));
      key.at(i, sine) = gain;
      key.at(pairs + i, cosine) = gain;
      query.at(i, sine) = gain * c;
      query.at(i, cosine) = gain * s;
      query.at(pairs + i, cosine) = gain * c;
      query.at(pairs + i, sine) = -gain * s;
    }
    // The norm took the mean of the whole row from the sinusoids too; the biases give it back.
    const std::vector<float> taken(static_cast<std::size_t>(d_model_), statistics_.mean / input_norm_);
    set_projection(attention + "query", head, query, taken, 1.0F);
    set_projection(attention + "key", head, key, taken, 1.0F);
  }

  void attend_by_previous_token(const std::string& attention, int head) {
    const float agreement =
        static_cast<float>(head_dim_) * written_variance_ / (encoder_norm_ * decoder_norm_);
    const HeadMatrix matrix = selection(
        subspaces_.previous, std::sqrt(kMatchLogit * std::sqrt(static_cast<float>(head_dim_)) / agreement));
    set_projection(attention + "query", head, matrix, typical_input(decoder_norm_), -1.0F);
    set_projection(attention + "key", head, matrix, typical_input(encoder_norm_), -1.0F);
  }

  /// The head reads `value` and writes it, times `gain`, to `dimensions` of the residual stream.
  void write(const std::string& attention, int head, const HeadMatrix& value,
             const std::vector<int>& dimensions, float gain, std::span<const float> mean) {
    set_projection(attention + "value", head, value, mean, -1.0F);
    Matrix output{values(attention + "output.weight"), d_model_};
    for (int row = 0; row < d_model_; ++row) std::fill_n(&output.at(row, head * head_dim_), head_dim_, 0.0F);
    for (int column = 0; column < head_dim_; ++column)
      output.at(dimensions[static_cast<std::size_t>(column)], head * head_dim_ + column) = gain;
  }

  int d_model_;
  int head_dim_;
  TokenId pad_token_id_;
  float embedding_scale_;
  const ParameterLayout& layout_;
  std::span<float> parameters_;
  Subspaces subspaces_;
  InputStatistics statistics_;
  std::mt19937_64 random_;
  HeadMatrix projection_;  ///< "token" to "previous token", random.
  float input_norm_ = 1;   ///< What the first norm of each stack divides by.
  float encoder_norm_ = 1;
  float decoder_norm_ = 1;
  float written_variance_ = 0;
};

}  // namespace

Result<void> initialise_for_copying(const Architecture& architecture, const ParameterLayout& layout,
                                    std::uint64_t seed, std::span<float> parameters) {
  const bool has_room = architecture.topology == Topology::kEncoderDecoder &&
                        architecture.positions == PositionEncoding::kSinusoidal &&
                        architecture.norm_placement == NormPlacement::kBefore && architecture.tied_output &&
                        architecture.attention_bias && architecture.head_dim % 2 == 0 &&
                        architecture.encoder.layers >= 1 && architecture.decoder.layers >= 2 &&
                        architecture.encoder.heads >= 3 &&
                        architecture.encoder.heads == architecture.decoder.heads &&
                        architecture.head_dim * architecture.encoder.heads == architecture.d_model;
  if (!has_room) {
    return Error{ErrorCode::kUnsupported,
                 "--init copying needs sinusoidal positions, at least three heads of an even width, one "
                 "encoder and two decoder layers; "
                 "choose --init normal.",
                 ""};
  }
  CopyingCircuit(architecture, layout, seed, parameters).lay();
  return {};
}

}  // namespace epicrisis::train
