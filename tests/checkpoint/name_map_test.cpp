#include "checkpoint/name_map.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "checkpoint/checkpoint.hpp"
#include "checkpoint/safetensors.hpp"
#include "support/fixtures.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

/// A model whose tensors hold 0, 1, 2, ... in the order of their names, under the family's own names.
class CountingModel {
 public:
  explicit CountingModel(const Json& config)
      : architecture_(read_architecture(config).value()), family_(*find_family(architecture_.family)) {
    for (const Parameter& parameter : family_.parameters(architecture_)) {
      const std::string& name = parameter.file_names.front();
      if (map_.contains(name)) continue;
      TensorView tensor{DType::kFloat32, parameter.file_shape, {}};
      std::vector<float>& values = values_[name];
      values.resize(static_cast<std::size_t>(tensor.element_count()));
      for (float& value : values) value = next_++;
      tensor.data = std::as_bytes(std::span(values));
      map_.emplace(name, tensor);
    }
  }

  const Architecture& architecture() const { return architecture_; }
  const Family& family() const { return family_; }
  Weights::Map& map() { return map_; }
  const std::vector<float>& values(const std::string& name) const { return values_.at(name); }
  Result<Weights> canonical() const {
    return to_canonical(Weights(map_, nullptr), family_, architecture_, "m");
  }

 private:
  Architecture architecture_;
  const Family& family_;
  std::map<std::string, std::vector<float>> values_;
  Weights::Map map_;
  float next_ = 0;
};

std::vector<float> values_of(const Weights& weights, const std::string& name) {
  const TensorView* const tensor = weights.find(name);
  EXPECT_NE(tensor, nullptr) << name;
  if (tensor == nullptr) return {};
  std::vector<float> values(static_cast<std::size_t>(tensor->element_count()));
  widen_to_float32(*tensor, values);
  return values;
}

const Json kGpt2 = {{"model_type", "gpt2"}, {"n_embd", 6},       {"n_head", 2},
                    {"n_layer", 2},         {"n_inner", 5},      {"vocab_size", 7},
                    {"n_positions", 4},     {"bos_token_id", 0}, {"eos_token_id", 0}};
const Json kBloom = {
    {"model_type", "bloom"}, {"hidden_size", 6}, {"n_head", 3}, {"n_layer", 1}, {"vocab_size", 7}};

TEST(ToCanonical, SplitsAndTransposesTheMatricesOfGpt2) {
  const CountingModel model(kGpt2);
  const auto weights = model.canonical();
  ASSERT_TRUE(weights) << weights.error().to_line();
  const std::vector<float>& fused = model.values("transformer.h.1.attn.c_attn.weight");  // [6, 18]
  const std::vector<float>& fused_bias = model.values("transformer.h.1.attn.c_attn.bias");
  std::size_t part = 0;
  for (const std::string name : {"query", "key", "value"}) {
    const std::string prefix = "decoder.layers.1.self_attention." + name;
    EXPECT_EQ(weights->find(prefix + ".weight")->shape, (std::vector<std::int64_t>{6, 6}));
    const std::vector<float> matrix = values_of(*weights, prefix + ".weight");
    const std::vector<float> bias = values_of(*weights, prefix + ".bias");
    for (std::size_t out = 0; out < 6; ++out) {
      EXPECT_EQ(bias[out], fused_bias[6 * part + out]);
      for (std::size_t in = 0; in < 6; ++in) EXPECT_EQ(matrix[6 * out + in], fused[18 * in + 6 * part + out]);
    }
    ++part;
  }
  const std::vector<float> up = values_of(*weights, "decoder.layers.0.feed_forward.up.weight");
  const std::vector<float>& stored = model.values("transformer.h.0.mlp.c_fc.weight");  // [6, 5]
  EXPECT_EQ(weights->find("decoder.layers.0.feed_forward.up.weight")->shape,
            (std::vector<std::int64_t>{5, 6}));
  for (std::size_t out = 0; out < 5; ++out) {
    for (std::size_t in = 0; in < 6; ++in) EXPECT_EQ(up[6 * out + in], stored[5 * in + out]);
  }
}

TEST(ToCanonical, TakesTheHeadsOfBloomApart) {
  const CountingModel model(kBloom);
  const auto weights = model.canonical();
  ASSERT_TRUE(weights) << weights.error().to_line();
  const std::vector<float>& fused = model.values("transformer.h.0.self_attention.query_key_value.weight");
  const std::vector<float>& fused_bias = model.values("transformer.h.0.self_attention.query_key_value.bias");
  std::size_t part = 0;
  for (const std::string name : {"query", "key", "value"}) {
    const std::string prefix = "decoder.layers.0.self_attention." + name;
    const std::vector<float> matrix = values_of(*weights, prefix + ".weight");
    const std::vector<float> bias = values_of(*weights, prefix + ".bias");
    for (std::size_t head = 0; head < 3; ++head) {
      for (std::size_t d = 0; d < 2; ++d) {  // fused: [H, 3, Dh, D] = [3, 3, 2, 6]
        const std::size_t row = (head * 3 + part) * 2 + d;
        EXPECT_EQ(bias[2 * head + d], fused_bias[row]);
        for (std::size_t in = 0; in < 6; ++in) {
          EXPECT_EQ(matrix[6 * (2 * head + d) + in], fused[6 * row + in]);
        }
      }
    }
    ++part;
  }
}

TEST(ToCanonical, ViewsWhatTheFileHasInOrder) {
  const CountingModel model(kGpt2);
  const Weights weights = model.canonical().value();
  EXPECT_EQ(weights.find("shared_embedding.weight")->data.data(),
            std::as_bytes(std::span(model.values("transformer.wte.weight"))).data());
  EXPECT_EQ(weights.find("decoder.layers.0.self_attention.key.bias")->data.data(),
            std::as_bytes(std::span(model.values("transformer.h.0.attn.c_attn.bias"))).data() + 6 * 4);
}

/// Every fixture, whatever its family.
class EveryCheckpoint : public ::testing::TestWithParam<fs::path> {};
INSTANTIATE_TEST_SUITE_P(Fixtures, EveryCheckpoint,
                         ::testing::ValuesIn(testing::find_fixtures("", "model.safetensors")),
                         [](const auto& test) { return testing::fixture_name(test.param); });

TEST_P(EveryCheckpoint, GoesBackToTheTensorsOfItsFile) {
  const Json config = read_json_file(GetParam() / "config.json").value();
  const auto architecture = read_architecture(config);
  ASSERT_TRUE(architecture) << architecture.error().to_line();
  const Family& family = *find_family(architecture->family);
  const Weights file = read_safetensors(GetParam() / "model.safetensors").value();
  const auto canonical = to_canonical(file, family, *architecture, "m");
  ASSERT_TRUE(canonical) << canonical.error().to_line();
  const auto back = to_file_names(*canonical, family, *architecture);
  ASSERT_TRUE(back) << back.error().to_line();
  std::size_t ignored = 0;
  for (const auto& [name, tensor] : file.tensors()) {
    const TensorView* written = back->find(name);
    if (written == nullptr) written = back->find(std::string(family.base_prefix) + name);
    if (written == nullptr) {
      const bool is_buffer =
          family.is_ignored(name) || family.is_ignored(std::string(family.base_prefix) + name);
      EXPECT_TRUE(is_buffer) << name;
      ++ignored;
      continue;
    }
    EXPECT_EQ(written->dtype, tensor.dtype) << name;
    EXPECT_EQ(written->shape, tensor.shape) << name;
    EXPECT_TRUE(std::ranges::equal(written->data, tensor.data)) << name;
  }
  EXPECT_EQ(back->tensors().size() + ignored, file.tensors().size());
}

TEST(ToFileNames, RefusesPartsOfDifferentTypes) {
  const CountingModel model(kGpt2);
  const Weights weights = model.canonical().value();
  Weights::Map mixed = weights.tensors();
  const std::vector<std::uint16_t> halves(6);
  mixed["decoder.layers.1.self_attention.key.bias"] = {
      DType::kFloat16, {6}, std::as_bytes(std::span(halves))};
  const auto named = to_file_names(Weights(mixed, nullptr), model.family(), model.architecture());
  ASSERT_FALSE(named);
  EXPECT_EQ(named.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(named.error().to_line(), HasSubstr("'decoder.layers.1.self_attention.key.bias' is F16"));
}

TEST(ToFileNames, NamesWhatIsMissing) {
  const CountingModel model(kBloom);
  const Weights weights = model.canonical().value();
  Weights::Map partial = weights.tensors();
  partial.erase("decoder.layers.0.self_attention.value.weight");
  const auto named = to_file_names(Weights(partial, nullptr), model.family(), model.architecture());
  ASSERT_FALSE(named);
  EXPECT_THAT(named.error().to_line(),
              HasSubstr("'decoder.layers.0.self_attention.value.weight' is missing"));
}

struct Spare {
  const char* name;
  Json config;
  std::string tensor;
};
std::ostream& operator<<(std::ostream& out, const Spare& spare) { return out << spare.name; }
class IgnoredBuffers : public ::testing::TestWithParam<Spare> {};

INSTANTIATE_TEST_SUITE_P(
    Names, IgnoredBuffers,
    ::testing::Values(Spare{"gpt2_mask", kGpt2, "transformer.h.0.attn.bias"},
                      Spare{"gpt2_masked_bias", kGpt2, "transformer.h.1.attn.masked_bias"},
                      Spare{"bloom_mask", kBloom,
                            "transformer.h.0.self_attention.scale_mask_softmax.causal_mask"},
                      Spare{"t5_cross_bias",
                            {{"model_type", "t5"},
                             {"d_model", 4},
                             {"d_kv", 2},
                             {"d_ff", 3},
                             {"num_layers", 1},
                             {"vocab_size", 5}},
                            "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"},
                      Spare{"bart_version",
                            {{"model_type", "bart"},
                             {"d_model", 16},
                             {"encoder_ffn_dim", 3},
                             {"decoder_ffn_dim", 3},
                             {"encoder_layers", 1},
                             {"decoder_layers", 1},
                             {"vocab_size", 5},
                             {"max_position_embeddings", 4}},
                            "model.encoder.version"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST_P(IgnoredBuffers, AreReadPastWhileOthersAreRefused) {
  CountingModel model(GetParam().config);
  const std::vector<std::uint8_t> byte(1);
  const TensorView buffer{DType::kUInt8, {1, 1}, std::as_bytes(std::span(byte))};
  model.map()[GetParam().tensor] = buffer;
  const auto weights = model.canonical();
  EXPECT_TRUE(weights) << weights.error().to_line();
  model.map()[GetParam().tensor + ".more"] = buffer;
  const auto refused = model.canonical();
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().to_line(), HasSubstr(GetParam().tensor + ".more"));
}

}  // namespace
}  // namespace epicrisis
