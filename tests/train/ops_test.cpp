// The fused kernels against the same formulas as LibTorch operations.
#include "train/ops/ops.hpp"

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <cmath>

#include "train/ops/guided_alignment.hpp"

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

TEST(Ops, FeedForwardWithoutBiases) {
  expect_same({random({kRows, kWidth}, 1), random({70, kWidth}, 2), random({kWidth, 70}, 4)},
              [](const auto& in) {
                return ops::feed_forward(in[0], {in[1], {}, in[2], {}}, Activation::kRelu, {});
              });
}

TEST(Ops, GatedFeedForward) {
  for (const Activation activation :
       {Activation::kRelu, Activation::kGelu, Activation::kGeluTanh, Activation::kSilu})
    expect_same({random({kRows, kWidth}, 1), random({70, kWidth}, 2), random({kWidth, 70}, 4) / 8,
                 random({70, kWidth}, 5)},
                [activation](const auto& in) {
                  return ops::feed_forward(in[0], {in[1], {}, in[2], {}, in[3], {}}, activation, {});
                });
}

TEST(Ops, RmsNormDividesByTheRootOfTheMeanSquare) {
  const Tensor x = random({5, kWidth}, 1) * 3 + 1, weight = random({kWidth}, 2);
  const Tensor wide = x.to(at::kDouble);
  const Tensor expected = wide / (wide * wide).mean(1, true).add(1e-6).sqrt() * weight.to(at::kDouble);
  EXPECT_LT((ops::rms_norm(x, weight, 1e-6) - expected).abs().max().item<double>(), 1e-5);
}

TEST(Ops, RmsNorm) {
  expect_same({random({kRows, kWidth}, 1) * 3 + 1, random({kWidth}, 2)},
              [](const auto& in) { return ops::rms_norm(in[0], in[1], 1e-6); });
}

TEST(Ops, LowRankAddition) {
  const std::int64_t first = 10, covered = 13;
  expect_same(
      {random({kRows, kWidth}, 1), random({29, kWidth}, 2), random({4, kWidth}, 3), random({covered, 4}, 4)},
      [first](const auto& in) {
        return ops::add_low_rank(ops::linear(in[0], in[1], {}), in[0], {in[2], in[3], first, 0.7});
      });
}

/// Frozen inputs get no gradient, and the others those that they would get anyway.
TEST(Ops, FrozenWeightsChangeNoOtherGradient) {
  const std::vector<Tensor> inputs = {random({kRows, kWidth}, 1), random({70, kWidth}, 2), random({70}, 3),
                                      random({kWidth, 70}, 4), random({kWidth}, 5)};
  const auto gradients = [&](const std::vector<bool>& trained) {
    std::vector<Tensor> in;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      in.push_back(inputs[i].clone().set_requires_grad(trained[i]));
    const Tensor hidden = ops::feed_forward(in[0], {in[1], in[2], in[3], in[4]}, Activation::kRelu, {});
    ops::linear(hidden, in[1], in[2]).square().sum().backward();
    std::vector<Tensor> found;
    for (const Tensor& tensor : in) found.push_back(tensor.grad());
    return found;
  };
  const std::vector<Tensor> all = gradients({true, true, true, true, true});
  for (std::size_t only = 0; only < inputs.size(); ++only) {
    std::vector<bool> trained(inputs.size());
    trained[only] = true;
    const std::vector<Tensor> some = gradients(trained);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      EXPECT_EQ(some[i].defined(), i == only);
    }
    EXPECT_TRUE(at::equal(some[only], all[only])) << "input " << only;
  }
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

TEST(Ops, SelfAttentionWithPositionBias) {
  constexpr std::int64_t kLongest = 130;
  for (const bool causal : {false, true})
    expect_same({random({230, 3 * 24}, 1), random({3, causal ? kLongest : 2 * kLongest - 1}, 2)},
                [causal](const auto& in) {
                  ops::AttentionSettings settings{3, 0.35, causal, {}};
                  settings.bias = {in[1], kLongest - 1};
                  return ops::self_attention(in[0], {0, 1, 70, 100, 230}, settings);
                });
}

TEST(Ops, CrossAttention) {
  expect_same({random({90, 24}, 1), random({230, 2 * 24}, 2)}, [](const auto& in) {
    return ops::cross_attention(in[0], in[1], {0, 5, 85, 90}, {0, 100, 101, 230}, {3, 0.35, false, {}});
  });
}

TEST(Ops, CrossEntropyOfAFrozenMatrix) {
  const std::vector<std::int64_t> labels = {3, 0, 50};
  const Tensor weight = random({51, 24}, 2);
  expect_same({random({3, 24}, 1)},
              [&](const auto& in) { return ops::cross_entropy(in[0], weight, Tensor(), labels, 0.1, 0.25); });
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

TEST(Ops, GuidedAlignmentIsTheLogOfTheAttentionOnTheMatches) {
  constexpr std::int64_t kHeads = 3, kHeadDim = 4, kWide = kHeads * kHeadDim;
  const ops::RowOffsets targets = {0, 2, 5}, sources = {0, 6, 10};
  const data::SourceMatches matches{{1, 3, 4}, {0, 2, 3, 4}, {0, 5, 6, 9}};
  const std::vector<std::int64_t> heads = {0, 2};
  Tensor query = random({5, kWide}, 1).set_requires_grad(true);
  Tensor key_value = random({10, 2 * kWide}, 2).set_requires_grad(true);
  const Tensor loss =
      ops::guided_alignment_loss({query, key_value, targets, sources}, kHeads, heads, 0.5, matches);
  double expected = 0;
  const auto weight = [&](std::int64_t head, std::int64_t target, std::int64_t source) {
    const Tensor q = query[target].narrow(0, head * kHeadDim, kHeadDim);
    const Tensor k = key_value[source].narrow(0, head * kHeadDim, kHeadDim);
    return std::exp(0.5 * (q * k).sum().item<double>());
  };
  for (const std::int64_t head : heads) {
    for (std::size_t i = 0; i < matches.targets.size(); ++i) {
      const std::int64_t target = matches.targets[i];
      const std::int64_t first = target < 2 ? 0 : 6, last = target < 2 ? 6 : 10;
      double all = 0, matched = 0;
      for (std::int64_t source = first; source < last; ++source) all += weight(head, target, source);
      for (auto at = matches.offsets[i]; at < matches.offsets[i + 1]; ++at)
        matched += weight(head, target, matches.sources[static_cast<std::size_t>(at)]);
      expected -= std::log(matched / all) / 2;
    }
  }
  EXPECT_NEAR(loss.item<double>(), expected, 1e-5 * expected);
  loss.backward();
  const Tensor values = key_value.grad().narrow(1, kWide, kWide),
               unguided = query.grad().narrow(1, kHeadDim, kHeadDim);
  EXPECT_EQ(values.abs().max().item<double>(), 0);
  EXPECT_EQ(unguided.abs().max().item<double>(), 0);
  EXPECT_GT(query.grad()[3].abs().max().item<double>(), 0);
  EXPECT_EQ(query.grad()[0].abs().max().item<double>(), 0);
}

TEST(Ops, GuidedAlignmentOfNothingIsZero) {
  const Tensor query = random({2, 4}, 1), key_value = random({3, 8}, 2);
  EXPECT_EQ(ops::guided_alignment_loss({query, key_value, {0, 2}, {0, 3}}, 1, {0}, 1, {}).item<double>(), 0);
}

}  // namespace
}  // namespace epicrisis::train
