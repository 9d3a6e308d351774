#include "engine/model/model_weights.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <new>
#include <optional>
#include <string>

#include "checkpoint/tensor.hpp"
#include "engine/kernels/bfloat16_matmul.hpp"
#include "engine/kernels/cpu_extensions.hpp"

namespace epicrisis::engine {
namespace {

bool is_empty(const StackShape& stack) { return stack.layers <= 0 || stack.heads <= 0 || stack.ffn_dim <= 0; }

// What this engine does not compute; a line goes when the piece that it names is added.
Result<void> check_supported(const Architecture& a) {
  const auto refuse = [&](const std::string& what) {
    return Error{ErrorCode::kUnsupported, "The native engine cannot run this model.",
                 fmt::format("{}: {}", a.family, what)};
  };
  const bool has_encoder = a.topology == Topology::kEncoderDecoder;
  if (a.vocab_size <= 0 || a.d_model <= 0 || a.head_dim <= 0 || a.attention_scale <= 0)
    return refuse("an empty dimension");
  if (is_empty(a.decoder) || (has_encoder && is_empty(a.encoder))) return refuse("an empty stack of layers");
  switch (a.positions) {
    case PositionEncoding::kSinusoidal:
    case PositionEncoding::kLearned:
      if (a.max_positions <= 0 || a.position_offset < 0) return refuse("an empty table of positions");
      if (a.positions == PositionEncoding::kSinusoidal && a.position_offset != 0)
        return refuse("sinusoidal positions with an offset");
      return {};
    case PositionEncoding::kRelativeBias:
      if (!relative_buckets(a, has_encoder).valid() || !relative_buckets(a, false).valid())
        return refuse(fmt::format("relative positions in {} buckets up to distance {}", a.relative_buckets,
                                  a.relative_max_distance));
      return {};
    case PositionEncoding::kAlibi:
      if (has_encoder) return refuse("ALiBi in an encoder");
      return {};
    case PositionEncoding::kRotary:
      break;
  }
  return refuse("rotary positions");
}

// Marks what only whole sources pass: the encoder, and what keys and values of cross-attention come from.
void mark_packed(Layer& layer, bool is_encoder) {
  layer.cross_attention.key.packs = layer.cross_attention.value.packs = true;
  if (!is_encoder) return;
  AttentionWeights& attention = layer.self_attention;
  FeedForwardWeights& feed_forward = layer.feed_forward;
  for (LinearWeights* weights : {&attention.query, &attention.key, &attention.value, &attention.output,
                                 &feed_forward.gate, &feed_forward.up, &feed_forward.down})
    weights->packs = true;
}

// Hands out pointers to tensors and remembers the first failure, so that a layer's tensors can be listed
// plainly.
class TensorReader {
 public:
  explicit TensorReader(ModelWeights& model) : model_(model) {}

  // As float32: where it lies, or a copy that finish() fills.
  const float* tensor(const std::string& name, std::initializer_list<std::int64_t> shape) {
    const TensorView* found = find(name, shape);
    if (found == nullptr) return nullptr;
    if (in_place<float>(*found, DType::kFloat32)) return reinterpret_cast<const float*>(found->data.data());
    const auto count = static_cast<std::size_t>(found->element_count());
    model_.converted.emplace_back(count);
    float* copy = model_.converted.back().data();
    plan_conversion(*found, count, {copy, nullptr});
    return copy;
  }

  // In the form that products take.
  LinearWeights matrix(const std::string& name, int in, int out) {
    if (model_.type == ComputeType::kFloat32) return table(name, in, out);
    LinearWeights weights;
    weights.in = in;
    weights.out = out;
    const TensorView* found = find(name, {out, in});
    if (found == nullptr) return weights;
    if (model_.type == ComputeType::kInt8) {
      if (in > kernels::kMostInt8Inputs) return table(name, in, out);
      weights.weight_int8 = model_.int8.add(name, *found);
      return weights;
    }
    weights.rounds_inputs = kernels::cpu_extensions().bfloat16;
    weights.weight_bfloat16 = bfloat16(*found);
    return weights;
  }

  // As it is stored, to look rows up.
  LinearWeights table(const std::string& name, int in, int out) {
    LinearWeights weights;
    weights.in = in;
    weights.out = out;
    const TensorView* found = find(name, {out, in});
    if (found == nullptr) return weights;
    if (in_place<std::uint16_t>(*found, DType::kBFloat16)) {
      weights.weight_bfloat16 = reinterpret_cast<const std::uint16_t*>(found->data.data());
    } else {
      weights.weight = tensor(name, {out, in});
    }
    return weights;
  }

  NormWeights norm(const std::string& name) {
    const int width = model_.architecture.d_model;
    const float* weight = tensor(name + ".weight", {width});
    if (model_.architecture.normalization == Normalization::kRmsNorm) return {weight, nullptr};
    return {weight, tensor(name + ".bias", {width})};
  }

  LinearWeights linear(const std::string& name, int in, int out, bool bias) {
    LinearWeights weights = matrix(name + ".weight", in, out);
    if (bias) weights.bias = tensor(name + ".bias", {out});
    return weights;
  }

  AttentionWeights attention(const std::string& name, int heads) {
    const Architecture& a = model_.architecture;
    const int inner = heads * a.head_dim;
    return {norm(name + "_norm"), linear(name + ".query", a.d_model, inner, a.attention_bias),
            linear(name + ".key", a.d_model, inner, a.attention_bias),
            linear(name + ".value", a.d_model, inner, a.attention_bias),
            linear(name + ".output", inner, a.d_model, a.attention_bias)};
  }

  FeedForwardWeights feed_forward(const std::string& name, int ffn_dim) {
    const Architecture& a = model_.architecture;
    FeedForwardWeights weights;
    weights.norm = norm(name + "_norm");
    if (a.gated_ffn) weights.gate = linear(name + ".gate", a.d_model, ffn_dim, a.ffn_bias);
    weights.up = linear(name + ".up", a.d_model, ffn_dim, a.ffn_bias);
    weights.down = linear(name + ".down", ffn_dim, a.d_model, a.ffn_bias);
    return weights;
  }

  /// `name`: "encoder" or "decoder".
  Stack stack(const std::string& name, const StackShape& shape) {
    const Architecture& a = model_.architecture;
    const bool is_encoder = name == "encoder";
    Stack stack;
    stack.positions = positions(name);
    stack.bias = position_bias(name, shape.heads, is_encoder);
    if (a.embedding_norm) stack.embedding_norm = norm(name + ".embedding_norm");
    for (int i = 0; i < shape.layers; ++i) {
      const std::string prefix = fmt::format("{}.layers.{}.", name, i);
      Layer layer;
      layer.self_attention = attention(prefix + "self_attention", shape.heads);
      if (!is_encoder && a.topology == Topology::kEncoderDecoder)
        layer.cross_attention = attention(prefix + "cross_attention", shape.heads);
      layer.feed_forward = feed_forward(prefix + "feed_forward", shape.ffn_dim);
      mark_packed(layer, is_encoder);
      stack.layers.push_back(std::move(layer));
    }
    if (a.final_norm) stack.final_norm = norm(name + ".final_norm");
    return stack;
  }

  Result<void> finish(ThreadTeam& team) {
    if (failure_) return *failure_;
    constexpr auto kPieceOperations = static_cast<std::int64_t>(kPieceElements);
    team.run(static_cast<int>(pieces_.size()), kPieceOperations * static_cast<std::int64_t>(pieces_.size()),
             [&](int task, int) noexcept { convert(pieces_[static_cast<std::size_t>(task)]); });
    return {};
  }

 private:
  // Where converted elements go: one of the two is null.
  struct Destination {
    float* float32;
    std::uint16_t* bfloat16;
  };
  struct Piece {
    TensorView from;
    Destination to;
  };
  static constexpr std::size_t kPieceElements = 256 * 1024;

  static void convert(const Piece& piece) noexcept {
    constexpr std::size_t kBlock = 4096;
    const auto count = static_cast<std::size_t>(piece.from.element_count());
    if (piece.to.float32 != nullptr) {
      widen_to_float32(piece.from, {piece.to.float32, count});
      return;
    }
    std::array<float, kBlock> values;
    const std::size_t element = size_bytes(piece.from.dtype);
    for (std::size_t first = 0; first < count; first += kBlock) {
      const std::size_t length = std::min(kBlock, count - first);
      widen_to_float32(part_of(piece.from, first, length, element), std::span(values).first(length));
      kernels::round_to_bfloat16(values.data(), static_cast<int>(length), piece.to.bfloat16 + first);
    }
  }

  static TensorView part_of(const TensorView& tensor, std::size_t first, std::size_t length,
                            std::size_t element) {
    return {tensor.dtype,
            {static_cast<std::int64_t>(length)},
            tensor.data.subspan(first * element, length * element)};
  }

  // The bits of a matrix in bfloat16: where it lies, or a copy that finish() fills.
  const std::uint16_t* bfloat16(const TensorView& tensor) {
    if (in_place<std::uint16_t>(tensor, DType::kBFloat16))
      return reinterpret_cast<const std::uint16_t*>(tensor.data.data());
    const auto count = static_cast<std::size_t>(tensor.element_count());
    model_.converted.emplace_back((count + 1) / 2);
    auto* copy = reinterpret_cast<std::uint16_t*>(model_.converted.back().data());
    plan_conversion(tensor, count, {nullptr, copy});
    return copy;
  }

  PositionTable positions(const std::string& stack) {
    const Architecture& a = model_.architecture;
    const bool sinusoidal = a.positions == PositionEncoding::kSinusoidal;
    if (!sinusoidal && a.positions != PositionEncoding::kLearned) return {};
    const std::string name = stack + ".positions.weight";
    if (sinusoidal && model_.source.find(name) == nullptr)
      return PositionTable::sinusoidal(a.max_positions, a.d_model);
    const float* table = tensor(name, {std::int64_t{a.max_positions} + a.position_offset, a.d_model});
    return table == nullptr ? PositionTable() : PositionTable::stored(table, a.d_model, a.position_offset);
  }

  PositionBias position_bias(const std::string& stack, int heads, bool bidirectional) {
    const Architecture& a = model_.architecture;
    if (a.positions == PositionEncoding::kAlibi) return PositionBias::alibi(heads);
    if (a.positions != PositionEncoding::kRelativeBias) return {};
    const float* weights = tensor(stack + ".relative_bias.weight", {a.relative_buckets, heads});
    return PositionBias::relative(weights, relative_buckets(a, bidirectional), heads);
  }

  template <class T>
  static bool in_place(const TensorView& tensor, DType dtype) {
    return tensor.dtype == dtype && reinterpret_cast<std::uintptr_t>(tensor.data.data()) % alignof(T) == 0;
  }

  const TensorView* find(const std::string& name, std::initializer_list<std::int64_t> shape) {
    const TensorView* found = model_.source.find(name);
    if (found == nullptr) return fail(name, "is missing");
    if (!std::equal(found->shape.begin(), found->shape.end(), shape.begin(), shape.end()))
      return fail(name, fmt::format("has shape {}, not {}", shape_to_string(found->shape),
                                    shape_to_string({shape.begin(), shape.size()})));
    if (!is_floating_point(found->dtype))
      return fail(name, fmt::format("holds {} elements", to_string(found->dtype)));
    return found;
  }

  const TensorView* fail(const std::string& name, const std::string& what) {
    if (!failure_)
      failure_ = Error{ErrorCode::kCorrupt,
                       "The weights do not fit the model's configuration; import the model again.",
                       fmt::format("tensor {} {}", name, what)};
    return nullptr;
  }

  void plan_conversion(const TensorView& tensor, std::size_t count, const Destination& to) {
    const std::size_t element = size_bytes(tensor.dtype);
    for (std::size_t first = 0; first < count; first += kPieceElements) {
      const std::size_t length = std::min(kPieceElements, count - first);
      pieces_.push_back({part_of(tensor, first, length, element),
                         {to.float32 == nullptr ? nullptr : to.float32 + first,
                          to.bfloat16 == nullptr ? nullptr : to.bfloat16 + first}});
    }
  }

  ModelWeights& model_;
  std::vector<Piece> pieces_;
  std::optional<Error> failure_;
};

}  // namespace

Result<std::unique_ptr<const ModelWeights>> load_model_weights(const Architecture& architecture,
                                                               Weights weights, ComputeType type,
                                                               const std::filesystem::path& folder,
                                                               ThreadTeam& team) try {
  EPICRISIS_RETURN_IF_ERROR(check_supported(architecture));
  auto model = std::make_unique<ModelWeights>();
  model->architecture = architecture;
  model->type = type;
  model->source = std::move(weights);
  TensorReader reader(*model);
  const int width = architecture.d_model;
  const int vocabulary = architecture.vocab_size;
  constexpr const char* kEmbedding = "shared_embedding.weight";
  model->embedding = reader.table(kEmbedding, width, vocabulary);
  if (architecture.topology == Topology::kEncoderDecoder)
    model->encoder = reader.stack("encoder", architecture.encoder);
  model->decoder = reader.stack("decoder", architecture.decoder);
  model->output = reader.matrix(architecture.tied_output ? kEmbedding : "output.weight", width, vocabulary);
  if (architecture.output_bias) model->output.bias = reader.tensor("output.bias", {vocabulary});
  EPICRISIS_RETURN_IF_ERROR(reader.finish(team));
  model->int8.fill(folder, team);
  return std::unique_ptr<const ModelWeights>(std::move(model));
} catch (const std::bad_alloc&) {
  return Error{ErrorCode::kResourceExhausted, "There is not enough memory for this model's weights.", ""};
}

}  // namespace epicrisis::engine
