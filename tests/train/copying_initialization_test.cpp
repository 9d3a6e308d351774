#include "train/copying_initialization.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "train/transformer.hpp"

namespace epicrisis::train {
namespace {

Architecture small_architecture() {
  Architecture architecture;
  architecture.family = "pegasus";
  architecture.vocab_size = 500;
  architecture.d_model = 128;
  architecture.head_dim = 32;
  architecture.encoder = {.layers = 2, .heads = 4, .ffn_dim = 128};
  architecture.decoder = {.layers = 2, .heads = 4, .ffn_dim = 128};
  architecture.max_positions = 128;
  architecture.embedding_scale = std::sqrt(128.0F);
  architecture.attention_scale = 1.0F / std::sqrt(32.0F);
  architecture.output_bias = true;
  return architecture;
}

/// Share of positions at which the untrained model, given a source and its tokens so far, ranks the source's
/// next token first.
double share_copied(bool copying) {
  Result<Transformer> model = Transformer::create(small_architecture());
  EXPECT_TRUE(model.has_value());
  model->initialise(7);
  if (copying) {
    const std::span values(model->parameters().data_ptr<float>(),
                           static_cast<std::size_t>(model->layout().total()));
    EXPECT_TRUE(initialise_for_copying(model->architecture(), model->layout(), 7, values));
  }
  std::vector<TokenId> ids(400);
  std::iota(ids.begin(), ids.end(), 100);
  std::mt19937 random(3);
  std::vector<data::TrainingPair> pairs;
  for (int i = 0; i < 8; ++i) {
    std::shuffle(ids.begin(), ids.end(), random);
    const std::vector<TokenId> source(ids.begin(), ids.begin() + 60);
    pairs.push_back({source, {source.begin() + 20, source.begin() + 40}});
  }
  const data::PackedBatch batch = data::pack(pairs, {.decoder_start = 0, .pad = 0});
  const at::NoGradGuard no_gradients;
  const at::Tensor best = model->logits(batch).argmax(-1);
  int copied = 0;
  int counted = 0;
  for (std::size_t i = 0; i < batch.labels.size(); ++i) {
    if (batch.decoder_ids[i] == 0) continue;  // nothing to look up at the start
    ++counted;
    copied += best[static_cast<std::int64_t>(i)].item<std::int64_t>() == batch.labels[i] ? 1 : 0;
  }
  return static_cast<double>(copied) / counted;
}

TEST(CopyingInitialization, CopiesBeforeAnyTraining) {
  EXPECT_LT(share_copied(false), 0.05);
  EXPECT_GT(share_copied(true), 0.5);
}

TEST(CopyingInitialization, RefusesAnArchitectureWithoutRoom) {
  Architecture architecture = small_architecture();
  architecture.decoder.layers = 1;
  const Result<ParameterLayout> layout = ParameterLayout::create(architecture);
  ASSERT_TRUE(layout.has_value());
  std::vector<float> parameters(static_cast<std::size_t>(layout->total()));
  const Result<void> laid = initialise_for_copying(architecture, *layout, 1, parameters);
  ASSERT_FALSE(laid);
  EXPECT_EQ(laid.error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace epicrisis::train
