#include "checkpoint/inspection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "checkpoint/safetensors.hpp"
#include "support/fixtures.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

fs::path kept() { return testing::kept_fixtures_dir() / "pegasus/xsum-like"; }

/// Every fixture, whatever its family.
class EveryCheckpoint : public ::testing::TestWithParam<fs::path> {};
INSTANTIATE_TEST_SUITE_P(Fixtures, EveryCheckpoint,
                         ::testing::ValuesIn(testing::find_fixtures("", "config.json")),
                         [](const auto& test) { return testing::fixture_name(test.param); });

TEST_P(EveryCheckpoint, HasNoProblems) {
  const auto inspection = inspect_model(GetParam());
  ASSERT_TRUE(inspection) << inspection.error().to_line();
  EXPECT_THAT(inspection->findings.problems, IsEmpty());
  ASSERT_TRUE(inspection->tensors);
  const auto& parts = inspection->tensors->parameters_by_part;
  EXPECT_EQ(std::accumulate(parts.begin(), parts.end(), std::uint64_t{0},
                            [](std::uint64_t sum, const auto& part) { return sum + part.second; }),
            inspection->tensors->parameters);
  ASSERT_TRUE(inspection->tokenizer);
  EXPECT_GT(inspection->tokenizer->vocabulary, 0U);
  EXPECT_EQ(to_json(*inspection).at("architecture").size(), 38U) << "every field of Architecture";
}

TEST(InspectModel, TellsWhatPegasusIs) {
  const auto inspection = inspect_model(kept());
  ASSERT_TRUE(inspection) << inspection.error().to_line();
  EXPECT_EQ(inspection->family, "pegasus");
  EXPECT_EQ(inspection->model_class, "PegasusForConditionalGeneration");
  EXPECT_THAT(inspection->weight_files, ElementsAre("model.safetensors"));
  const auto& parts = inspection->tensors->parameters_by_part;
  EXPECT_EQ(parts.at("shared_embedding"), 1503U * 48);
  EXPECT_EQ(parts.at("encoder.layers.self_attention"), 2U * 4 * (48 * 48 + 48));
  EXPECT_EQ(parts.at("decoder.layers.feed_forward"), 2U * (2 * 48 * 96 + 96 + 48));
  EXPECT_EQ(inspection->memory->float32_bytes, 4 * inspection->tensors->parameters);
  EXPECT_EQ(inspection->memory->self_attention_cache_bytes, 1000U * 2 * 2 * 48 * 4);
  EXPECT_EQ(inspection->memory->cross_attention_cache_bytes, inspection->memory->self_attention_cache_bytes);
  EXPECT_LT(inspection->memory->int8_bytes, inspection->memory->bfloat16_bytes);
  EXPECT_EQ(inspection->tokenizer->model, "Unigram");
  EXPECT_EQ(inspection->tokenizer->vocabulary, 1503U);
  EXPECT_EQ(inspection->generation.at("num_beams"), 8);
  EXPECT_THAT(inspection->findings.remarks, Contains(HasSubstr("'pytorch_model.bin' is not read")));
}

/// A changed copy of the kept checkpoint.
class InspectChanged : public ::testing::Test {
 protected:
  InspectChanged() {
    for (const char* name :
         {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json"}) {
      fs::copy_file(kept() / name, folder_.path() / name);
    }
  }
  void change_config(const Json& changes) {
    Json config = read_json_file(kept() / "config.json").value();
    config.merge_patch(changes);
    write_file_atomically(folder_.path() / "config.json", config.dump()).value();
  }
  ModelInspection inspect() { return inspect_model(folder_.path()).value(); }
  TemporaryDirectory folder_ = TemporaryDirectory::create().value();
};

TEST_F(InspectChanged, ListsEveryUnsupportedOption) {
  change_config({{"quantization_config", {{"bits", 4}}},
                 {"tie_encoder_decoder", true},
                 {"activation_function", "selu"}});
  const ModelInspection inspection = inspect();
  EXPECT_THAT(inspection.findings.problems, Contains(HasSubstr("'quantization_config'")));
  EXPECT_THAT(inspection.findings.problems, Contains(HasSubstr("'tie_encoder_decoder'")));
  EXPECT_THAT(inspection.findings.problems, Contains(HasSubstr("'selu'")));
  EXPECT_FALSE(inspection.architecture);
  EXPECT_TRUE(inspection.tokenizer);
}

TEST_F(InspectChanged, ListsEveryTensorThatDoesNotFit) {
  const Weights weights = read_safetensors(kept() / "model.safetensors").value();
  Weights::Map tensors = weights.tensors();
  tensors["model.adapter"] = tensors["model.decoder.layer_norm.bias"];
  tensors.erase("model.decoder.layer_norm.bias");
  tensors.erase("final_logits_bias");
  tensors["model.encoder.layer_norm.bias"].shape = {6, 8};
  fs::remove(folder_.path() / "model.safetensors");
  write_safetensors(folder_.path() / "model.safetensors", tensors, DType::kFloat16).value();
  const ModelInspection inspection = inspect();
  EXPECT_THAT(
      inspection.findings.problems,
      ElementsAre("tensor 'model.decoder.layer_norm.bias' of shape [48] is missing",
                  "tensor 'model.encoder.layer_norm.bias' has shape [6, 8], config.json asks for [48]",
                  "tensor 'model.adapter' of shape [48] has no place in this model"));
  EXPECT_THAT(inspection.findings.remarks, Contains(HasSubstr("'final_logits_bias' is absent")));
  EXPECT_THAT(inspection.findings.remarks, Contains(HasSubstr("'torch_dtype' float32")));
  EXPECT_THAT(inspection.findings.remarks, Contains(HasSubstr("'lm_head.weight'")).Times(0));
}

TEST_F(InspectChanged, GoesOnPastAFamilyItDoesNotKnow) {
  change_config({{"model_type", "llama"}, {"architectures", {"LlamaForCausalLM"}}});
  const ModelInspection inspection = inspect();
  EXPECT_EQ(inspection.family, "llama");
  EXPECT_THAT(inspection.findings.problems, Contains(HasSubstr("'llama'")));
  EXPECT_EQ(inspection.tokenizer->model, "Unigram");
}

TEST_F(InspectChanged, NoticesAVocabularyOfAnotherSize) {
  Json tokenizer = read_json_file(kept() / "tokenizer.json").value();
  tokenizer["added_tokens"].push_back({{"id", 1503}, {"content", "<x>"}, {"special", true}});
  write_file_atomically(folder_.path() / "tokenizer.json", tokenizer.dump()).value();
  EXPECT_THAT(inspect().findings.problems, Contains(HasSubstr("1504 tokens, but the model only 1503")));
}

TEST_F(InspectChanged, TellsWhatIsMissing) {
  fs::remove(folder_.path() / "generation_config.json");
  fs::remove(folder_.path() / "tokenizer.json");
  fs::remove(folder_.path() / "model.safetensors");
  const ModelInspection inspection = inspect();
  EXPECT_THAT(inspection.findings.problems, Contains(HasSubstr("no tokenizer")));
  EXPECT_THAT(inspection.findings.problems, Contains(HasSubstr("holds no weights")));
  EXPECT_THAT(inspection.findings.remarks, Contains(HasSubstr("generation_config.json is absent")));
  EXPECT_EQ(inspection.generation.at("num_beams"), 8);
  EXPECT_EQ(inspection.generation.at("length_penalty"), 0.6);
}

TEST_F(InspectChanged, NeedsAConfig) {
  fs::remove(folder_.path() / "config.json");
  EXPECT_EQ(inspect_model(folder_.path()).error().code, ErrorCode::kNotFound);
  write_file_atomically(folder_.path() / "config.json", "[]").value();
  EXPECT_EQ(inspect_model(folder_.path()).error().code, ErrorCode::kCorrupt);
}

TEST_F(InspectChanged, ShowsStrangeTokenizersAsTheyAre) {
  for (const char* text :
       {R"({"model": 1})", R"({"model": {"type": 1}, "normalizer": {"type": "Sequence"}})",
        R"({"model": {"type": "X\u001b"}, "added_tokens": [1, {"id": -1}], "decoder": [1]})", "{}",
        R"({"model": {"vocab": {"a": "b"}, "merges": {}}})"}) {
    write_file_atomically(folder_.path() / "tokenizer.json", text).value();
    const ModelInspection inspection = inspect();
    ASSERT_TRUE(inspection.tokenizer) << text;
    EXPECT_EQ(to_json(inspection).dump().find('\x1b'), std::string::npos);
  }
}

}  // namespace
}  // namespace epicrisis
