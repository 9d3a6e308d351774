// The fused kernels against the same formulas as LibTorch operations; the module against the native engine.
#include "train/ops/ops.hpp"

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <cmath>

#include "checkpoint/checkpoint.hpp"
#include "engine/engine.hpp"
#include "support/fixtures.hpp"
#include "train/kernels/cpu_kernels.hpp"
#include "train/torch_backend.hpp"
#include "train/transformer.hpp"

namespace epicrisis::train {
namespace {

using at::Tensor;

/// Kernels off while it lives.
struct ReferenceOnly {
  ReferenceOnly() { ops::set_kernels_enabled(false); }
  ~ReferenceOnly() { ops::set_kernels_enabled(true); }
};

Tensor random(std::vector<std::int64_t> shape, std::uint64_t seed) {
  return at::randn(shape, at::detail::createCPUGenerator(seed));
}

/// Runs `compute` on copies of `inputs` with and without kernels, and compares result and gradients. The
/// result is weighted by fixed noise, so that every gradient element matters.
template <class Compute>
void expect_same(const std::vector<Tensor>& inputs, Compute compute) {
  const auto run = [&] {
    std::vector<Tensor> leaves;
    for (const Tensor& input : inputs) leaves.push_back(input.clone().set_requires_grad(true));
    const Tensor out = compute(leaves);
    (out * random(out.sizes().vec(), 99)).sum().backward();
    std::vector<Tensor> values = {out.detach()};
    for (const Tensor& leaf : leaves) values.push_back(leaf.grad());
    return values;
  };
  const std::vector<Tensor> fused = run();
  const ReferenceOnly guard;
  const std::vector<Tensor> reference = run();
  for (std::size_t i = 0; i < fused.size(); ++i) {
    ASSERT_EQ(fused[i].sizes(), reference[i].sizes());
    const double scale = std::max(1.0, reference[i].abs().max().item<double>());
    EXPECT_LT((fused[i] - reference[i]).abs().max().item<double>(), 2e-5 * scale)
        << (i == 0 ? "result" : "gradient of input ") << i;
  }
}

// Widths that are no multiple of a vector, rows that are no multiple of a block.
constexpr std::int64_t kRows = 533, kWidth = 37;

TEST(Ops, Linear) {
  expect_same({random({kRows, kWidth}, 1), random({29, kWidth}, 2), random({29}, 3)},
              [](const auto& in) { return ops::linear(in[0], in[1], in[2]); });
}

TEST(Ops, LinearWithoutBias) {
  expect_same({random({kRows, kWidth}, 1), random({29, kWidth}, 2)},
              [](const auto& in) { return ops::linear(in[0], in[1], {}); });
}

TEST(Ops, FeedForward) {
  expect_same({random({kRows, kWidth}, 1), random({70, kWidth}, 2), random({70}, 3), random({kWidth, 70}, 4),
               random({kWidth}, 5)},
              [](const auto& in) {
                return ops::feed_forward(in[0], {in[1], in[2], in[3], in[4]}, Activation::kRelu, {});
              });
}

TEST(Ops, LayerNorm) {
  expect_same({random({kRows, kWidth}, 1) * 3 + 1, random({kWidth}, 2), random({kWidth}, 3)},
              [](const auto& in) { return ops::layer_norm(in[0], in[1], in[2], 1e-5); });
}

TEST(Ops, AddWithoutDropout) {
  expect_same({random({kRows, kWidth}, 1), random({kRows, kWidth}, 2)},
              [](const auto& in) { return ops::dropout_add(in[0], in[1], {}); });
}

TEST(Ops, SelfAttention) {
  for (const bool causal : {false, true})
    expect_same({random({230, 3 * 24}, 1)}, [causal](const auto& in) {
      return ops::self_attention(in[0], {0, 1, 70, 100, 230}, {3, 0.35, causal, {}});
    });
}

TEST(Ops, CrossAttention) {
  expect_same({random({90, 24}, 1), random({230, 2 * 24}, 2)}, [](const auto& in) {
    return ops::cross_attention(in[0], in[1], {0, 5, 85, 90}, {0, 100, 101, 230}, {3, 0.35, false, {}});
  });
}

TEST(Ops, CrossEntropy) {
  const std::vector<std::int64_t> labels = {3, 0, 50, 7, 7, 12, 36};
  for (const double smoothing : {0.0, 0.1})
    expect_same({random({7, 24}, 1), random({51, 24}, 2)}, [&](const auto& in) {
      return ops::cross_entropy(in[0], in[1], Tensor(), labels, smoothing, 0.25);
    });
}

TEST(Ops, DropoutKeepsTheShareItShouldAndBackwardUsesTheSameMask) {
  const Tensor x = at::ones({400, 250}).set_requires_grad(true);
  const Tensor out = ops::dropout_add(x, {}, {0.3, 7});
  out.sum().backward();
  EXPECT_TRUE(at::equal(out.detach(), x.grad()));
  const double kept = (out.detach() > 0).to(at::kFloat).mean().template item<double>();
  // Five standard deviations of a binomial of 100,000 draws.
  EXPECT_NEAR(kept, 0.7, 5 * std::sqrt(0.3 * 0.7 / 100000));
  EXPECT_NEAR(out.max().item<double>(), 1 / 0.7, 1e-6);
  EXPECT_FALSE(at::equal(out, ops::dropout_add(x, {}, {0.3, 8})));
}

/// Directional derivative against the gradient: with dropout there is no reference to compare with, but a
/// seed fixes the masks, so finite differences see them, too.
TEST(Ops, AttentionGradientsAgreeWithFiniteDifferencesUnderDropout) {
  const Tensor x = random({40, 3 * 16}, 1);
  const Tensor direction = random({40, 3 * 16}, 2);
  const Tensor weight = random({40, 16}, 3);
  const auto value = [&](const Tensor& in) {
    return (ops::self_attention(in, {0, 25, 40}, {2, 0.35, true, {0.2, 5}}) * weight).sum();
  };
  const Tensor leaf = x.clone().set_requires_grad(true);
  value(leaf).backward();
  constexpr double kStep = 1e-2;
  at::NoGradGuard no_gradients;
  const double difference =
      (value(x + direction * kStep).item<double>() - value(x - direction * kStep).item<double>()) /
      (2 * kStep);
  const double expected = (leaf.grad() * direction).sum().item<double>();
  EXPECT_NEAR(difference, expected, 5e-3 * std::max(1.0, std::abs(expected)));
}

class Module : public ::testing::Test {
 protected:
  void SetUp() override {
    auto checkpoint = load_checkpoint(epicrisis::testing::kept_fixtures_dir() / "pegasus" / "xsum-like");
    ASSERT_TRUE(checkpoint.has_value()) << checkpoint.error().to_line();
    checkpoint_ = *std::move(checkpoint);
    model_ = std::make_unique<Transformer>(*Transformer::create(checkpoint_.architecture));
    ASSERT_TRUE(model_->load(checkpoint_.weights).has_value());
  }
  Checkpoint checkpoint_;
  std::unique_ptr<Transformer> model_;
};

TEST_F(Module, GivesTheEnginesLogits) {
  const auto engine = Engine::load(checkpoint_);
  ASSERT_TRUE(engine.has_value()) << engine.error().to_line();
  const std::vector<TokenId> source = {368, 127, 117, 180, 711, 1}, target = {0, 173, 180, 127};
  data::PackedBatch batch;
  batch.source_ids = source;
  batch.source_offsets = {0, 6};
  batch.decoder_ids = target;
  batch.labels = target;
  batch.target_offsets = {0, 4};
  at::NoGradGuard no_gradients;
  const Tensor ours = model_->logits(batch).contiguous();
  const auto theirs = (*engine)->forward(source, target);
  ASSERT_TRUE(theirs.has_value());
  ASSERT_EQ(static_cast<std::size_t>(ours.numel()), theirs->values.size());
  for (std::size_t i = 0; i < theirs->values.size(); ++i)
    ASSERT_NEAR(ours.data_ptr<float>()[i], theirs->values[i], 1e-4) << "element " << i;
}

TEST_F(Module, DecodesStepByStepAsTheEngineDoes) {
  const auto engine = Engine::load(checkpoint_);
  ASSERT_TRUE(engine.has_value());
  const TorchBackend torch(*model_);
  const auto a = torch.start_session(), b = (*engine)->start_session();
  const std::vector<std::vector<TokenId>> sources = {{368, 127, 117, 1}, {180, 711, 287, 186, 178, 1}};
  const auto a_ids = (*a)->add(sources), b_ids = (*b)->add(sources);
  ASSERT_TRUE(a_ids.has_value() && b_ids.has_value());
  const std::vector<TokenId> start = {0}, one = {173}, two = {180, 127};
  const auto vocabulary = static_cast<std::size_t>(torch.vocab_size());
  // Two fresh rows; then beams that share a parent; then one row dropped and several tokens at once.
  const std::vector<std::vector<std::tuple<std::size_t, int, std::span<const TokenId>>>> steps = {
      {{0, -1, start}, {1, -1, start}},
      {{0, 0, one}, {1, 1, one}, {0, 0, two}},
      {{0, 2, one}, {1, 1, two}, {0, 2, two}}};
  for (const auto& rows : steps) {
    std::vector<HypothesisStep> ours, theirs;
    for (const auto& [source, parent, tokens] : rows) {
      ours.push_back({(*a_ids)[source], parent, tokens});
      theirs.push_back({(*b_ids)[source], parent, tokens});
    }
    std::vector<float> left(rows.size() * vocabulary), right(left.size());
    ASSERT_TRUE((*a)->step(ours, left).has_value());
    ASSERT_TRUE((*b)->step(theirs, right).has_value());
    for (std::size_t i = 0; i < left.size(); ++i) ASSERT_NEAR(left[i], right[i], 1e-4) << "element " << i;
  }
}

TEST_F(Module, ExportsWhatItLoaded) {
  const Weights exported = model_->weights();
  for (const auto& [name, tensor] : checkpoint_.weights.tensors()) {
    const TensorView* copy = exported.find(name);
    ASSERT_NE(copy, nullptr) << name;
    std::vector<float> before(static_cast<std::size_t>(tensor.element_count())), after(before.size());
    widen_to_float32(tensor, before);
    widen_to_float32(*copy, after);
    EXPECT_EQ(before, after) << name;
  }
}

TEST_F(Module, Bfloat16LossesStayNear) {
  const std::vector<data::TrainingPair> pairs = {{{368, 127, 117, 180, 711, 1}, {173, 180, 127, 1}}};
  const data::PackedBatch batch = data::pack(pairs, {0, 0});
  const double exact = model_->loss(batch, {}).item<double>();
  model_->set_bfloat16(true);
  const Tensor loss = model_->loss(batch, {});
  loss.backward();
  EXPECT_NEAR(loss.item<double>(), exact, 0.02 * exact);
  EXPECT_NE(loss.item<double>(), exact);
  EXPECT_GT(model_->gradients().abs().max().item<double>(), 0);
}

TEST(Transformer, OtherFamiliesAreRefusedByName) {
  Architecture architecture;
  architecture.family = "bart";
  const auto model = Transformer::create(architecture);
  ASSERT_FALSE(model.has_value());
  EXPECT_EQ(model.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(model.error().public_message.find("bart"), std::string::npos);
}

}  // namespace
}  // namespace epicrisis::train
