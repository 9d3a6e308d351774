#include "engine/engine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cmath>
#include <limits>

#include "checkpoint/checkpoint.hpp"
#include "engine/kernels_fixture.hpp"
#include "engine/plain_model.hpp"
#include "engine/variants.hpp"
#include "support/random_checkpoint.hpp"

namespace epicrisis {
namespace {

using ::testing::HasSubstr;
using Sequence = std::vector<TokenId>;

Architecture small_architecture() { return testing::pegasus_architecture(101, 32, 2, 4, 48, 64); }

std::shared_ptr<const Engine> load(const Architecture& architecture, int threads = 2) {
  auto engine = Engine::load(testing::random_checkpoint(architecture, 7), {.threads = threads});
  EXPECT_TRUE(engine) << engine.error().to_line();
  return *std::move(engine);
}

// Rounding of sums of up to some hundred products of numbers near one, layer after layer.
constexpr double kTolerance = 3e-5;

void expect_near(const FloatMatrix& actual, const std::vector<std::vector<double>>& expected) {
  ASSERT_EQ(static_cast<std::size_t>(actual.rows), expected.size());
  for (std::size_t t = 0; t < expected.size(); ++t) {
    const auto row = actual.row(static_cast<int>(t));
    ASSERT_EQ(row.size(), expected[t].size());
    for (std::size_t i = 0; i < row.size(); ++i)
      ASSERT_NEAR(row[i], expected[t][i], kTolerance) << "position " << t << " entry " << i;
  }
}

class EngineVariants : public ::testing::TestWithParam<testing::Variant> {};

TEST_P(EngineVariants, AgreesWithThePlainModel) {
  const Architecture& architecture = GetParam().architecture;
  const Checkpoint checkpoint = testing::random_checkpoint(architecture, 7);
  const auto engine = load(architecture);
  Sequence source;
  if (engine->is_encoder_decoder()) source = testing::random_source(architecture, 53, 1);
  const Sequence target = testing::random_source(architecture, 29, 2);
  const auto expected = testing::plain_forward(checkpoint, source, target);
  if (engine->is_encoder_decoder()) expect_near(engine->encode_hidden(source).value(), expected.encoder);
  expect_near(engine->hidden(source, target).value(), expected.hidden);
  expect_near(engine->forward(source, target).value(), expected.logits);
}

TEST_P(EngineVariants, WidenedWeightsComputeAsFloat32Ones) {
  const Architecture& architecture = GetParam().architecture;
  for (const DType dtype : {DType::kBFloat16, DType::kFloat16}) {
    const Checkpoint narrow = testing::random_checkpoint(architecture, 7, dtype);
    // The same values, as float32, at an address that is not aligned.
    auto storage = std::make_shared<std::vector<std::vector<std::byte>>>();
    Weights::Map wide;
    for (const auto& [name, tensor] : narrow.weights.tensors()) {
      std::vector<float> values(static_cast<std::size_t>(tensor.element_count()));
      widen_to_float32(tensor, values);
      const auto bytes = std::as_bytes(std::span(values));
      std::vector<std::byte> shifted(1);
      shifted.insert(shifted.end(), bytes.begin(), bytes.end());
      storage->push_back(std::move(shifted));
      wide[name] = {DType::kFloat32, tensor.shape, std::span<const std::byte>(storage->back()).subspan(1)};
    }
    Checkpoint unaligned = narrow;
    unaligned.weights = Weights(std::move(wide), storage);
    Sequence source;
    if (architecture.topology == Topology::kEncoderDecoder)
      source = testing::random_source(architecture, 14, 30);
    const Sequence target{0, 3, 4};
    const auto first = Engine::load(narrow, {}).value()->forward(source, target).value();
    const auto second = Engine::load(unaligned, {}).value()->forward(source, target).value();
    EXPECT_EQ(first.values, second.values);
  }
}

double norm_of_difference(const std::vector<float>& a, const std::vector<float>& b) {
  double squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) squares += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(squares);
}

// A bfloat16 is off by at most 2^-9 of its value, an int8 by half a 127th of the largest in its row. Layers
// of random weights make more of that, most where scores are not scaled and a softmax is sharp (T5).
TEST_P(EngineVariants, NarrowTypesStayNearFloat32) {
  const Architecture& architecture = GetParam().architecture;
  const Checkpoint checkpoint = testing::random_checkpoint(architecture, 7);
  Sequence source;
  if (architecture.topology == Topology::kEncoderDecoder)
    source = testing::random_source(architecture, 53, 1);
  const Sequence target = testing::random_source(architecture, 29, 2);
  const auto logits = [&](ComputeType type) {
    return Engine::load(checkpoint, {.type = type, .threads = 2}).value()->forward(source, target)->values;
  };
  const std::vector<float> expected = logits(ComputeType::kFloat32);
  const double size = norm_of_difference(expected, std::vector<float>(expected.size(), 0.0F));
  EXPECT_LT(norm_of_difference(logits(ComputeType::kBFloat16), expected), 0.06 * size);
  EXPECT_LT(norm_of_difference(logits(ComputeType::kInt8), expected), 0.15 * size);
}

INSTANTIATE_TEST_SUITE_P(Variants, EngineVariants, ::testing::ValuesIn(testing::engine_variants()),
                         [](const auto& instance) { return instance.param.name; });

class EngineTargets : public kernels::Kernels {};

TEST_P(EngineTargets, AgreeWithThePlainModel) {
  for (const testing::Variant& variant : testing::engine_variants()) {
    SCOPED_TRACE(variant.name);
    Sequence source;
    if (variant.architecture.topology == Topology::kEncoderDecoder)
      source = testing::random_source(variant.architecture, 23, 1);
    const Sequence target = testing::random_source(variant.architecture, 9, 2);
    const Checkpoint checkpoint = testing::random_checkpoint(variant.architecture, 7);
    expect_near(load(variant.architecture)->forward(source, target).value(),
                testing::plain_forward(checkpoint, source, target).logits);
  }
}

EPICRISIS_TEST_EVERY_TARGET(EngineTargets);

TEST(Engine, RefusesWhatItDoesNotComputeByName) {
  const auto refusal = [](auto change) {
    Architecture architecture = small_architecture();
    change(architecture);
    const auto engine = Engine::load(testing::random_checkpoint(architecture, 7), {});
    EXPECT_FALSE(engine);
    if (engine) return std::string();
    EXPECT_EQ(engine.error().code, ErrorCode::kUnsupported);
    return engine.error().detail;
  };
  EXPECT_THAT(refusal([](Architecture& a) { a.positions = PositionEncoding::kRotary; }), HasSubstr("rotary"));
  EXPECT_THAT(refusal([](Architecture& a) { a.positions = PositionEncoding::kAlibi; }),
              HasSubstr("ALiBi in an encoder"));
  EXPECT_THAT(refusal([](Architecture& a) { a.position_offset = 2; }),
              HasSubstr("sinusoidal positions with an offset"));
  EXPECT_THAT(refusal([](Architecture& a) { a.max_positions = 0; }), HasSubstr("empty table of positions"));
  EXPECT_THAT(refusal([](Architecture& a) {
                a.positions = PositionEncoding::kRelativeBias;
                a.relative_buckets = 3;
                a.relative_max_distance = 128;
              }),
              HasSubstr("3 buckets up to distance 128"));
  EXPECT_THAT(refusal([](Architecture& a) { a.encoder.layers = 0; }), HasSubstr("empty stack"));
}

TEST(Engine, NamesTheTensorThatDoesNotFit) {
  Checkpoint checkpoint = testing::random_checkpoint(small_architecture(), 7);
  auto tensors = checkpoint.weights.tensors();
  tensors.at("encoder.layers.1.feed_forward.up.weight").shape = {32, 48};
  Checkpoint misshapen = checkpoint;
  misshapen.weights = Weights(tensors, std::make_shared<Weights>(checkpoint.weights));
  const auto engine = Engine::load(misshapen, {});
  ASSERT_FALSE(engine);
  EXPECT_EQ(engine.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(engine.error().detail,
              HasSubstr("encoder.layers.1.feed_forward.up.weight has shape [32, 48], not [48, 32]"));
  tensors.erase("encoder.layers.1.feed_forward.up.weight");
  misshapen.weights = Weights(tensors, std::make_shared<Weights>(checkpoint.weights));
  EXPECT_THAT(Engine::load(misshapen, {}).error().detail, HasSubstr("up.weight is missing"));
}

TEST(Engine, NamesTheMissingTensorOfEachPiece) {
  const auto missing = [](const Architecture& architecture, const std::string& name) {
    const Checkpoint whole = testing::random_checkpoint(architecture, 7);
    auto tensors = whole.weights.tensors();
    EXPECT_EQ(tensors.erase(name), 1U) << name;
    Checkpoint part = whole;
    part.weights = Weights(tensors, std::make_shared<Weights>(whole.weights));
    const auto engine = Engine::load(part, {});
    ASSERT_FALSE(engine) << name;
    EXPECT_THAT(engine.error().detail, HasSubstr(name + " is missing"));
  };
  Architecture gated = testing::t5_architecture(101, 32, 2, 4, 48);
  gated.gated_ffn = true;
  missing(gated, "decoder.layers.1.feed_forward.gate.weight");
  missing(gated, "encoder.relative_bias.weight");
  missing(testing::bart_architecture(101, 32, 2, 4, 48, 64), "decoder.positions.weight");
  missing(testing::bloom_architecture(101, 32, 2, 4, 48), "decoder.embedding_norm.bias");
}

TEST(Engine, RefusesTextsThatDoNotFit) {
  const auto engine = load(small_architecture());
  auto session = engine->start_session().value();
  const auto code = [&](Sequence source) {
    return session->add(std::vector<Sequence>{std::move(source)}).error().code;
  };
  EXPECT_EQ(code({}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(Sequence(65, 5)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({5, 101}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({-1}), ErrorCode::kInvalidArgument);
  EXPECT_TRUE(session->add(std::vector<Sequence>{Sequence(64, 5)}));
  EXPECT_EQ(engine->forward({}, Sequence{0}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(engine->encode_hidden(Sequence{1000}).error().code, ErrorCode::kInvalidArgument);
}

TEST(Engine, DecoderOnlyModelsTakeNoSource) {
  const auto engine = load(testing::gpt2_architecture(101, 32, 2, 4, 48, 64));
  EXPECT_FALSE(engine->is_encoder_decoder());
  EXPECT_EQ(engine->forward(Sequence{5}, Sequence{5}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(engine->encode_hidden(Sequence{5}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(engine->forward({}, Sequence{}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(engine->forward({}, Sequence(65, 5)).error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(engine->forward({}, Sequence(64, 5)));
}

TEST(Engine, ModelsWithoutALimitOnPositionsTakeLongTexts) {
  const auto engine = load(testing::bloom_architecture(101, 32, 2, 4, 48));
  EXPECT_EQ(engine->max_source_tokens(), std::numeric_limits<int>::max());
  EXPECT_EQ(engine->max_target_tokens(), std::numeric_limits<int>::max());
  EXPECT_TRUE(engine->forward({}, Sequence(3000, 5)));
}

// Scores of all pairs would take a gigabyte a head.
TEST(Engine, MemoryGrowsWithTheLengthOfASourceNotWithItsSquare) {
  const auto engine = load(testing::t5_architecture(101, 8, 1, 1, 16));
  const auto most_resident = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss / 1024;
  };
  const auto before = most_resident();
  const auto hidden = engine->encode_hidden(Sequence(16384, 5));
  ASSERT_TRUE(hidden) << hidden.error().to_line();
  EXPECT_EQ(hidden->rows, 16384);
  EXPECT_LT(most_resident() - before, 200) << "MiB";
  EXPECT_TRUE(engine->forward(Sequence(16384, 5), Sequence{5, 6}));
}

}  // namespace
}  // namespace epicrisis
