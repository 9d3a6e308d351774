// Each family's reading of config.json: the values of the fixtures, the defaults of the reference's
// configuration classes, aliases, and every option that is refused.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "base/json.hpp"
#include "checkpoint/checkpoint.hpp"
#include "checkpoint/families/family.hpp"

namespace epicrisis {
namespace {

using ::testing::HasSubstr;

Architecture read(const Json& config) {
  const auto architecture = read_architecture(config);
  EXPECT_TRUE(architecture) << architecture.error().to_line();
  return architecture ? *architecture : Architecture();
}

Json of(const char* family, const Json& changes = Json::object()) {
  Json config = {{"model_type", family}};
  if (changes.is_object()) config.update(changes);  // "{}" in the tables below is null
  return config;
}

TEST(Families, AreListedForErrors) {
  EXPECT_EQ(known_families(), "bart, bloom, gpt2, mbart, mt5, pegasus, t5");
}

TEST(Bart, HasTheDefaultsOfItsConfigurationClass) {
  const Architecture a = read(of("bart"));
  EXPECT_EQ(a.topology, Topology::kEncoderDecoder);
  EXPECT_EQ(a.vocab_size, 50265);
  EXPECT_EQ(a.d_model, 1024);
  EXPECT_EQ(a.encoder, (StackShape{12, 16, 4096}));
  EXPECT_EQ(a.norm_placement, NormPlacement::kAfter);
  EXPECT_TRUE(a.embedding_norm);
  EXPECT_FALSE(a.final_norm);
  EXPECT_EQ(a.positions, PositionEncoding::kLearned);
  EXPECT_EQ(a.max_positions, 1024);
  EXPECT_EQ(a.position_offset, 2);
  EXPECT_EQ(a.activation, Activation::kGelu);
  EXPECT_EQ(a.embedding_scale, 1.0F);
  EXPECT_TRUE(a.output_bias);
  EXPECT_TRUE(a.tied_output);
  EXPECT_EQ(a.pad_token_id, 1);
  EXPECT_EQ(a.bos_token_id, 0);
  EXPECT_EQ(a.eos_token_id, 2);
  EXPECT_EQ(a.decoder_start_token_id, 2);
}

TEST(Mbart, NormalisesBeforeEachBlock) {
  const Architecture a = read(of("mbart", {{"scale_embedding", true}}));
  EXPECT_EQ(a.norm_placement, NormPlacement::kBefore);
  EXPECT_TRUE(a.embedding_norm);
  EXPECT_TRUE(a.final_norm);
  EXPECT_EQ(a.position_offset, 2);
  EXPECT_FLOAT_EQ(a.embedding_scale, 32.0F);
  EXPECT_EQ(a.decoder_start_token_id, 0) << "bos_token_id, where generation of the reference falls back";
  EXPECT_EQ(read(of("mbart", {{"decoder_start_token_id", 7}})).decoder_start_token_id, 7);
  EXPECT_EQ(teacher_forcing_start(a), std::nullopt) << "the last label, the target's language";
}

TEST(T5, HasTheDefaultsOfItsConfigurationClass) {
  const Architecture a = read(of("t5"));
  EXPECT_EQ(a.vocab_size, 32128);
  EXPECT_EQ(a.d_model, 512);
  EXPECT_EQ(a.head_dim, 64);
  EXPECT_EQ(a.encoder, (StackShape{6, 8, 2048}));
  EXPECT_EQ(a.decoder, a.encoder);
  EXPECT_EQ(a.normalization, Normalization::kRmsNorm);
  EXPECT_FLOAT_EQ(a.norm_epsilon, 1e-6F);
  EXPECT_EQ(a.positions, PositionEncoding::kRelativeBias);
  EXPECT_EQ(a.max_positions, 0);
  EXPECT_EQ(a.relative_buckets, 32);
  EXPECT_EQ(a.relative_max_distance, 128);
  EXPECT_EQ(a.activation, Activation::kRelu);
  EXPECT_FALSE(a.gated_ffn);
  EXPECT_FALSE(a.attention_bias);
  EXPECT_FALSE(a.ffn_bias);
  EXPECT_EQ(a.attention_scale, 1.0F);
  EXPECT_TRUE(a.tied_output);
  EXPECT_FLOAT_EQ(a.output_scale, 1.0F / std::sqrt(512.0F));
  EXPECT_EQ(a.pad_token_id, 0);
  EXPECT_EQ(a.eos_token_id, 1);
  EXPECT_EQ(a.decoder_start_token_id, 0);
  EXPECT_FALSE(a.bos_token_id);
}

TEST(Mt5, IsAnUntiedGatedT5) {
  const Architecture a = read(of("mt5"));
  EXPECT_EQ(a.vocab_size, 250112);
  EXPECT_EQ(a.encoder, (StackShape{8, 6, 1024}));
  EXPECT_EQ(a.activation, Activation::kGeluTanh);
  EXPECT_TRUE(a.gated_ffn);
  EXPECT_FALSE(a.tied_output);
  EXPECT_EQ(a.output_scale, 1.0F);
}

struct FeedForwardCase {
  const char* name;
  Json config;
  Activation activation;
  bool gated;
};
std::ostream& operator<<(std::ostream& out, const FeedForwardCase& c) { return out << c.name; }
class T5FeedForward : public ::testing::TestWithParam<FeedForwardCase> {};

INSTANTIATE_TEST_SUITE_P(
    Spellings, T5FeedForward,
    ::testing::Values(
        FeedForwardCase{"relu", {{"feed_forward_proj", "relu"}}, Activation::kRelu, false},
        FeedForwardCase{"gelu", {{"feed_forward_proj", "gelu"}}, Activation::kGelu, false},
        FeedForwardCase{"gated_gelu", {{"feed_forward_proj", "gated-gelu"}}, Activation::kGeluTanh, true},
        FeedForwardCase{"gated_silu", {{"feed_forward_proj", "gated-silu"}}, Activation::kSilu, true},
        FeedForwardCase{"gated_relu", {{"feed_forward_proj", "gated-relu"}}, Activation::kRelu, true},
        FeedForwardCase{"explicit_activation",
                        {{"feed_forward_proj", "gated-gelu"}, {"dense_act_fn", "gelu"}},
                        Activation::kGelu,
                        true},
        FeedForwardCase{"explicit_gate",
                        {{"feed_forward_proj", "relu"}, {"is_gated_act", true}},
                        Activation::kRelu,
                        true}),
    [](const auto& test) { return std::string(test.param.name); });

TEST_P(T5FeedForward, IsReadAsTheReferenceReadsIt) {
  const Architecture a = read(of("t5", GetParam().config));
  EXPECT_EQ(a.activation, GetParam().activation);
  EXPECT_EQ(a.gated_ffn, GetParam().gated);
}

TEST(T5, CountsDecoderLayersSeparately) {
  const Architecture a = read(of("t5", {{"num_layers", 3}, {"num_decoder_layers", 5}}));
  EXPECT_EQ(a.encoder.layers, 3);
  EXPECT_EQ(a.decoder.layers, 5);
  EXPECT_EQ(read(of("t5", {{"num_layers", 3}})).decoder.layers, 3);
  EXPECT_EQ(read(of("t5", {{"num_layers", 3}, {"num_decoder_layers", nullptr}})).decoder.layers, 3);
}

TEST(Gpt2, HasTheDefaultsOfItsConfigurationClass) {
  const Architecture a = read(of("gpt2"));
  EXPECT_EQ(a.topology, Topology::kDecoderOnly);
  EXPECT_EQ(a.encoder.layers, 0);
  EXPECT_EQ(a.decoder, (StackShape{12, 12, 3072}));
  EXPECT_EQ(a.vocab_size, 50257);
  EXPECT_EQ(a.head_dim, 64);
  EXPECT_EQ(a.positions, PositionEncoding::kLearned);
  EXPECT_EQ(a.max_positions, 1024);
  EXPECT_EQ(a.position_offset, 0);
  EXPECT_EQ(a.activation, Activation::kGeluTanh);
  EXPECT_FLOAT_EQ(a.attention_scale, 0.125F);
  EXPECT_TRUE(a.tied_output);
  EXPECT_FALSE(a.output_bias);
  EXPECT_EQ(a.bos_token_id, 50256);
  EXPECT_EQ(a.eos_token_id, 50256);
  EXPECT_EQ(a.pad_token_id, 50256) << "the end token, as the reference pads without a padding token";
}

TEST(Gpt2, ReadsItsOptions) {
  const Architecture a = read(of("gpt2", {{"n_inner", 100},
                                          {"scale_attn_weights", false},
                                          {"activation_function", "relu"},
                                          {"reorder_and_upcast_attn", true},
                                          {"tie_word_embeddings", false}}));
  EXPECT_EQ(a.decoder.ffn_dim, 100);
  EXPECT_EQ(a.attention_scale, 1.0F);
  EXPECT_EQ(a.activation, Activation::kRelu);
  EXPECT_FALSE(a.tied_output);
}

TEST(Bloom, HasTheDefaultsOfItsConfigurationClass) {
  const Architecture a = read(of("bloom"));
  EXPECT_EQ(a.topology, Topology::kDecoderOnly);
  EXPECT_EQ(a.vocab_size, 250880);
  EXPECT_EQ(a.decoder, (StackShape{2, 8, 256}));
  EXPECT_EQ(a.head_dim, 8);
  EXPECT_EQ(a.positions, PositionEncoding::kAlibi);
  EXPECT_EQ(a.max_positions, 0);
  EXPECT_TRUE(a.embedding_norm);
  EXPECT_TRUE(a.final_norm);
  EXPECT_EQ(a.activation, Activation::kGeluTanh);
  EXPECT_EQ(a.bos_token_id, 1);
  EXPECT_EQ(a.eos_token_id, 2);
  EXPECT_EQ(a.pad_token_id, 2);
}

TEST(Aliases, GoBeforeTheKeysTheyStandFor) {
  EXPECT_EQ(read(of("gpt2", {{"hidden_size", 96}, {"n_embd", 48}})).d_model, 96);
  EXPECT_EQ(read(of("gpt2", {{"num_hidden_layers", 3}})).decoder.layers, 3);
  EXPECT_EQ(read(of("gpt2", {{"num_attention_heads", 6}})).decoder.heads, 6);
  EXPECT_EQ(read(of("gpt2", {{"max_position_embeddings", 50}})).max_positions, 50);
  EXPECT_EQ(read(of("bloom", {{"n_embed", 32}})).d_model, 32);
  EXPECT_EQ(read(of("bloom", {{"num_hidden_layers", 4}, {"num_attention_heads", 4}})).decoder,
            (StackShape{4, 4, 256}));
  EXPECT_EQ(read(of("t5", {{"hidden_size", 40}, {"num_attention_heads", 5}})).d_model, 40);
  EXPECT_EQ(read(of("bart", {{"hidden_size", 64}, {"num_hidden_layers", 3}})).encoder.layers, 12)
      << "of no effect there";
}

struct Refusal {
  const char* name;
  const char* family;
  Json changes;
  ErrorCode code;
  const char* says;
};
std::ostream& operator<<(std::ostream& out, const Refusal& refusal) { return out << refusal.name; }
class RefusedOption : public ::testing::TestWithParam<Refusal> {};

INSTANTIATE_TEST_SUITE_P(
    Options, RefusedOption,
    ::testing::Values(
        Refusal{"umt5", "umt5", {}, ErrorCode::kUnsupported, "'umt5'"},
        Refusal{"longt5", "longt5", {}, ErrorCode::kUnsupported, "'longt5'"},
        Refusal{"pegasus_x", "pegasus_x", {}, ErrorCode::kUnsupported, "'pegasus_x'"},
        Refusal{"quantised",
                "bart",
                {{"quantization_config", {{"load_in_8bit", true}}}},
                ErrorCode::kUnsupported,
                "'quantization_config'"},
        Refusal{"custom_code",
                "gpt2",
                {{"auto_map", {{"AutoModel", "model.Custom"}}}},
                ErrorCode::kUnsupported,
                "'auto_map'"},
        Refusal{"pruned", "t5", {{"pruned_heads", {{"0", {1}}}}}, ErrorCode::kUnsupported, "'pruned_heads'"},
        Refusal{"tied_stacks",
                "bart",
                {{"tie_encoder_decoder", true}},
                ErrorCode::kUnsupported,
                "'tie_encoder_decoder'"},
        Refusal{"cross_attention",
                "gpt2",
                {{"add_cross_attention", true}},
                ErrorCode::kUnsupported,
                "'add_cross_attention'"},
        Refusal{"gpt2_encoder",
                "gpt2",
                {{"is_encoder_decoder", true}},
                ErrorCode::kUnsupported,
                "'is_encoder_decoder'"},
        Refusal{"bloom_encoder",
                "bloom",
                {{"is_encoder_decoder", true}},
                ErrorCode::kUnsupported,
                "'is_encoder_decoder'"},
        Refusal{"t5_encoder_only",
                "t5",
                {{"is_encoder_decoder", false}},
                ErrorCode::kUnsupported,
                "'is_encoder_decoder'"},
        Refusal{"mbart_decoder",
                "mbart",
                {{"is_encoder_decoder", false}},
                ErrorCode::kUnsupported,
                "'is_encoder_decoder'"},
        Refusal{"gpt2_scale",
                "gpt2",
                {{"scale_attn_by_inverse_layer_idx", true}},
                ErrorCode::kUnsupported,
                "'scale_attn_by_inverse_layer_idx'"},
        Refusal{
            "gpt2_activation", "gpt2", {{"activation_function", "mish"}}, ErrorCode::kUnsupported, "'mish'"},
        Refusal{"gpt2_heads", "gpt2", {{"n_head", 7}}, ErrorCode::kCorrupt, "'n_head'"},
        Refusal{"gpt2_token", "gpt2", {{"vocab_size", 10}}, ErrorCode::kCorrupt, "'eos_token_id'"},
        Refusal{"bloom_residual",
                "bloom",
                {{"apply_residual_connection_post_layernorm", true}},
                ErrorCode::kUnsupported,
                "'apply_residual_connection_post_layernorm'"},
        Refusal{"bloom_slices",
                "bloom",
                {{"slow_but_exact", true}, {"pretraining_tp", 2}},
                ErrorCode::kUnsupported,
                "'slow_but_exact'"},
        Refusal{"bloom_heads", "bloom", {{"n_head", 7}}, ErrorCode::kCorrupt, "'n_head'"},
        Refusal{
            "t5_activation", "t5", {{"feed_forward_proj", "tanhish"}}, ErrorCode::kUnsupported, "'tanhish'"},
        Refusal{"t5_dense", "t5", {{"dense_act_fn", "quick_gelu"}}, ErrorCode::kUnsupported, "'quick_gelu'"},
        Refusal{
            "t5_ungated", "t5", {{"feed_forward_proj", "half-gelu"}}, ErrorCode::kUnsupported, "'half-gelu'"},
        Refusal{"t5_two_dashes",
                "t5",
                {{"feed_forward_proj", "gated-gelu-new"}},
                ErrorCode::kUnsupported,
                "'gated-gelu-new'"},
        Refusal{"t5_width", "t5", {{"d_kv", 100000}, {"num_heads", 100000}}, ErrorCode::kCorrupt, "'d_kv'"},
        Refusal{
            "t5_epsilon", "t5", {{"layer_norm_epsilon", -1.0}}, ErrorCode::kCorrupt, "'layer_norm_epsilon'"},
        Refusal{
            "bart_activation", "bart", {{"activation_function", "tanh"}}, ErrorCode::kUnsupported, "'tanh'"},
        Refusal{"bart_heads",
                "bart",
                {{"decoder_attention_heads", 8}},
                ErrorCode::kUnsupported,
                "'decoder_attention_heads'"},
        Refusal{"mbart_heads",
                "mbart",
                {{"encoder_attention_heads", 7}},
                ErrorCode::kCorrupt,
                "'encoder_attention_heads'"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST_P(RefusedOption, IsNamed) {
  const auto architecture = read_architecture(of(GetParam().family, GetParam().changes));
  ASSERT_FALSE(architecture);
  EXPECT_EQ(architecture.error().code, GetParam().code);
  EXPECT_THAT(architecture.error().to_line(), HasSubstr(GetParam().says));
}

TEST(AcceptedOption, ChangesNothing) {
  EXPECT_TRUE(read_architecture(of("bloom", {{"slow_but_exact", true}, {"pretraining_tp", 1}})));
  EXPECT_TRUE(read_architecture(of("bloom", {{"slow_but_exact", false}, {"pretraining_tp", 4}})));
  EXPECT_TRUE(read_architecture(of("bart", {{"quantization_config", nullptr}})));
  EXPECT_TRUE(read_architecture(of("t5", {{"n_positions", 512}})));
}

TEST(UnsupportedOptions, AreAllFound) {
  const Json config = of("gpt2", {{"add_cross_attention", true},
                                  {"scale_attn_by_inverse_layer_idx", true},
                                  {"quantization_config", {{"bits", 4}}}});
  EXPECT_EQ(unsupported_options(config, *find_family("gpt2")).size(), 3U);
}

}  // namespace
}  // namespace epicrisis
