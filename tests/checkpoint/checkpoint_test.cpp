#include "checkpoint/checkpoint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "base/files.hpp"
#include "checkpoint/safetensors.hpp"
#include "support/fixtures.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

fs::path kept() { return testing::kept_fixtures_dir() / "pegasus/xsum-like"; }

/// A copy of the kept checkpoint with some keys of its config.json changed.
TemporaryDirectory copy_with(const Json& changes) {
  auto folder = TemporaryDirectory::create().value();
  for (const char* name : {"config.json", "generation_config.json", "model.safetensors"}) {
    fs::copy_file(kept() / name, folder.path() / name);
  }
  Json config = read_json_file(kept() / "config.json").value();
  config.merge_patch(changes);
  write_file_atomically(folder.path() / "config.json", config.dump()).value();
  return folder;
}

TEST(LoadCheckpoint, ReadsPegasus) {
  const auto checkpoint = load_checkpoint(kept());
  ASSERT_TRUE(checkpoint) << checkpoint.error().to_line();
  const Architecture& a = checkpoint->architecture;
  EXPECT_EQ(a.family, "pegasus");
  EXPECT_EQ(a.vocab_size, 1503);
  EXPECT_EQ(a.d_model, 48);
  EXPECT_EQ(a.head_dim, 12);
  EXPECT_EQ(a.encoder, (StackShape{2, 4, 96}));
  EXPECT_EQ(a.decoder, (StackShape{2, 4, 96}));
  EXPECT_EQ(a.max_positions, 256);
  EXPECT_EQ(a.norm_placement, NormPlacement::kBefore);
  EXPECT_EQ(a.positions, PositionEncoding::kSinusoidal);
  EXPECT_EQ(a.activation, Activation::kRelu);
  EXPECT_FLOAT_EQ(a.embedding_scale, std::sqrt(48.0F));
  EXPECT_FLOAT_EQ(a.attention_scale, 1.0F / std::sqrt(12.0F));
  EXPECT_FLOAT_EQ(a.dropout, 0.1F);
  EXPECT_TRUE(a.tied_output);
  EXPECT_EQ(checkpoint->generation_config.at("num_beams"), 8);
  ASSERT_NE(checkpoint->weights.find("output.bias"), nullptr);
  EXPECT_EQ(checkpoint->weights.find("output.bias")->shape, (std::vector<std::int64_t>{1503}));
  EXPECT_EQ(checkpoint->weights.find("decoder.layers.1.cross_attention.output.weight")->shape,
            (std::vector<std::int64_t>{48, 48}));
  EXPECT_EQ(checkpoint->weights.find("output.weight"), nullptr);
}

TEST(LoadCheckpoint, DefaultsAreThoseOfThePublishedConfiguration) {
  const auto a = read_architecture(Json{{"model_type", "pegasus"}});
  ASSERT_TRUE(a) << a.error().to_line();
  EXPECT_EQ(a->vocab_size, 50265);
  EXPECT_EQ(a->encoder, (StackShape{12, 16, 4096}));
  EXPECT_EQ(a->activation, Activation::kGelu);
  EXPECT_EQ(a->embedding_scale, 1.0F);
  EXPECT_EQ(a->max_positions, 1024);
}

struct ConfigCase {
  const char* name;
  Json changes;
  ErrorCode code;
  std::string says;
};
std::ostream& operator<<(std::ostream& out, const ConfigCase& c) { return out << c.name; }
class BadConfig : public ::testing::TestWithParam<ConfigCase> {};

INSTANTIATE_TEST_SUITE_P(
    Keys, BadConfig,
    ::testing::Values(
        ConfigCase{"family", {{"model_type", "llama"}}, ErrorCode::kUnsupported, "'llama'"},
        ConfigCase{"no_family", {{"model_type", nullptr}}, ErrorCode::kCorrupt, "model_type"},
        ConfigCase{"activation", {{"activation_function", "selu"}}, ErrorCode::kUnsupported, "'selu'"},
        ConfigCase{
            "decoder_only", {{"is_encoder_decoder", false}}, ErrorCode::kUnsupported, "is_encoder_decoder"},
        ConfigCase{"pruned", {{"pruned_heads", {{"0", {1}}}}}, ErrorCode::kUnsupported, "pruned_heads"},
        ConfigCase{"width_type", {{"d_model", "48"}}, ErrorCode::kCorrupt, "'d_model'"},
        ConfigCase{"width_zero", {{"d_model", 0}}, ErrorCode::kCorrupt, "'d_model'"},
        ConfigCase{"heads", {{"encoder_attention_heads", 5}}, ErrorCode::kCorrupt, "encoder_attention_heads"},
        ConfigCase{"layers", {{"decoder_layers", 2000000000}}, ErrorCode::kCorrupt, "decoder_layers"},
        ConfigCase{"dropout", {{"dropout", 1.5}}, ErrorCode::kCorrupt, "'dropout'"},
        ConfigCase{"token", {{"eos_token_id", 1503}}, ErrorCode::kCorrupt, "eos_token_id"},
        ConfigCase{"vocab",
                   {{"vocab_size", 1504}},
                   ErrorCode::kCorrupt,
                   "[1503, 48], config.json asks for [1504, 48]"},
        ConfigCase{"wider", {{"d_model", 64}}, ErrorCode::kCorrupt, "[1503, 64]"},
        ConfigCase{"ffn", {{"decoder_ffn_dim", 95}}, ErrorCode::kCorrupt, "decoder.layers.0.fc1"},
        ConfigCase{"missing_layer", {{"encoder_layers", 3}}, ErrorCode::kCorrupt, "model.encoder.layers.2."},
        ConfigCase{"spare_layer", {{"decoder_layers", 1}}, ErrorCode::kCorrupt, "has no place in this model"},
        ConfigCase{"untied", {{"tie_word_embeddings", false}}, ErrorCode::kCorrupt, "lm_head.weight"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST_P(BadConfig, IsRefusedNamingTheKeyOrTheTensor) {
  const TemporaryDirectory folder = copy_with(GetParam().changes);
  const auto checkpoint = load_checkpoint(folder.path());
  ASSERT_FALSE(checkpoint);
  EXPECT_EQ(checkpoint.error().code, GetParam().code);
  EXPECT_THAT(checkpoint.error().to_line(), HasSubstr(GetParam().says));
  EXPECT_THAT(checkpoint.error().to_line(), HasSubstr(folder.path().string()));
}

TEST(LoadCheckpoint, IgnoresOptionsTheReferenceIgnores) {
  const TemporaryDirectory folder = copy_with({{"normalize_before", false},
                                               {"normalize_embedding", true},
                                               {"static_position_embeddings", false},
                                               {"extra_pos_embeddings", 3}});
  const auto changed = load_checkpoint(folder.path());
  ASSERT_TRUE(changed) << changed.error().to_line();
  EXPECT_EQ(changed->architecture, load_checkpoint(kept())->architecture);
}

TEST(LoadCheckpoint, NamesWhatIsMissing) {
  const auto folder = TemporaryDirectory::create().value();
  EXPECT_EQ(load_checkpoint(folder.path()).error().code, ErrorCode::kNotFound);
  EXPECT_THAT(load_checkpoint(folder.path()).error().to_line(), HasSubstr("config.json"));
  fs::copy_file(kept() / "config.json", folder.path() / "config.json");
  EXPECT_EQ(load_checkpoint(folder.path()).error().code, ErrorCode::kNotFound);
  EXPECT_THAT(load_checkpoint(folder.path()).error().to_line(), HasSubstr("model.safetensors"));
}

/// Writes the kept weights with `change` applied to their map, loads the folder.
template <class Change>
Result<Checkpoint> load_changed(Change change) {
  const TemporaryDirectory folder = copy_with(Json::object());
  const Weights weights = read_safetensors(kept() / "model.safetensors").value();
  Weights::Map tensors = weights.tensors();
  change(tensors);
  fs::remove(folder.path() / "model.safetensors");
  write_safetensors(folder.path() / "model.safetensors", tensors, DType::kFloat32).value();
  return load_checkpoint(folder.path());
}

TEST(LoadCheckpoint, PositionTablesAndLogitBiasMayBeAbsent) {
  const auto checkpoint = load_changed([](Weights::Map& tensors) {
    tensors.erase("model.encoder.embed_positions.weight");
    tensors.erase("model.decoder.embed_positions.weight");
    tensors.erase("final_logits_bias");
  });
  ASSERT_TRUE(checkpoint) << checkpoint.error().to_line();
  EXPECT_EQ(checkpoint->weights.find("encoder.positions.weight"), nullptr);
  EXPECT_EQ(checkpoint->weights.find("output.bias"), nullptr);
}

TEST(LoadCheckpoint, ReadsFilesOfTheBareBaseModel) {
  const auto checkpoint = load_changed([](Weights::Map& tensors) {
    Weights::Map bare;
    for (auto& [name, tensor] : tensors) {
      if (name.starts_with("model.")) bare[name.substr(6)] = tensor;
    }
    tensors = bare;
  });
  ASSERT_TRUE(checkpoint) << checkpoint.error().to_line();
  EXPECT_NE(checkpoint->weights.find("shared_embedding.weight"), nullptr);
}

TEST(LoadCheckpoint, TiedCopiesMustAgree) {
  const auto same =
      load_changed([](Weights::Map& tensors) { tensors["lm_head.weight"] = tensors["model.shared.weight"]; });
  EXPECT_TRUE(same) << same.error().to_line();
  std::vector<float> zeros(1503 * 48);
  const auto differing = load_changed([&](Weights::Map& tensors) {
    tensors["lm_head.weight"] = {DType::kFloat32, {1503, 48}, std::as_bytes(std::span(zeros))};
  });
  ASSERT_FALSE(differing);
  EXPECT_THAT(differing.error().to_line(), HasSubstr("'model.shared.weight' and 'lm_head.weight'"));
}

TEST(LoadCheckpoint, RefusesUnknownTensorsAndIntegerWeights) {
  const std::vector<std::int32_t> integers(48);
  const auto extra = load_changed([&](Weights::Map& tensors) {
    tensors["model.adapter"] = {DType::kInt32, {48}, std::as_bytes(std::span(integers))};
  });
  ASSERT_FALSE(extra);
  EXPECT_THAT(extra.error().to_line(), HasSubstr("model.adapter"));
  const auto integer = load_changed([&](Weights::Map& tensors) {
    tensors["model.decoder.layer_norm.bias"] = {DType::kInt32, {48}, std::as_bytes(std::span(integers))};
  });
  ASSERT_FALSE(integer);
  EXPECT_EQ(integer.error().code, ErrorCode::kUnsupported);
}

TEST(SaveCheckpoint, SafetensorsComeBackByteForByte) {
  const Checkpoint checkpoint = load_checkpoint(kept()).value();
  const auto folder = TemporaryDirectory::create().value();
  const auto saved = save_checkpoint(checkpoint, folder.path(), WeightFormat::kSafetensors, DType::kFloat32);
  ASSERT_TRUE(saved) << saved.error().to_line();
  EXPECT_TRUE(*read_file(folder.path() / "model.safetensors") == *read_file(kept() / "model.safetensors"));
  const Checkpoint again = load_checkpoint(folder.path()).value();
  EXPECT_EQ(again.architecture, checkpoint.architecture);
  EXPECT_EQ(again.config, checkpoint.config);
  EXPECT_EQ(again.generation_config, checkpoint.generation_config);
}

}  // namespace
}  // namespace epicrisis
