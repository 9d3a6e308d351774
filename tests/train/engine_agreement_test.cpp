// Two runtimes, one architecture: the LibTorch module and the native engine on the same weights.
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <ostream>
#include <string>
#include <tuple>

#include "checkpoint/checkpoint.hpp"
#include "engine/engine.hpp"
#include "engine/variants.hpp"
#include "support/fixtures.hpp"
#include "support/random_checkpoint.hpp"
#include "train/torch_backend.hpp"
#include "train/transformer.hpp"

namespace epicrisis::train {
namespace {
namespace fs = std::filesystem;

using Ids = std::vector<TokenId>;

/// A fixture's folder, or a variant with random weights.
struct Case {
  std::string name;
  fs::path folder;
  Architecture architecture;
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const fs::path& folder : epicrisis::testing::find_fixtures("", "expected.json"))
    all.push_back({"fixture_" + epicrisis::testing::fixture_name(folder), folder, {}});
  for (const epicrisis::testing::Variant& variant : epicrisis::testing::engine_variants())
    all.push_back({"random_" + variant.name, {}, variant.architecture});
  return all;
}

class BothRuntimes : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (GetParam().folder.empty()) {
      checkpoint_ = epicrisis::testing::random_checkpoint(GetParam().architecture, 5);
    } else {
      auto checkpoint = load_checkpoint(GetParam().folder);
      ASSERT_TRUE(checkpoint.has_value()) << checkpoint.error().to_line();
      checkpoint_ = *std::move(checkpoint);
    }
    auto model = Transformer::create(checkpoint_.architecture);
    ASSERT_TRUE(model.has_value()) << model.error().to_line();
    model_ = std::make_unique<Transformer>(*std::move(model));
    const auto loaded = model_->load(checkpoint_.weights);
    ASSERT_TRUE(loaded.has_value()) << loaded.error().to_line();
    auto engine = Engine::load(checkpoint_);
    ASSERT_TRUE(engine.has_value()) << engine.error().to_line();
    engine_ = *std::move(engine);
  }
  bool has_encoder() const { return checkpoint_.architecture.topology == Topology::kEncoderDecoder; }
  Ids ids(int count, std::uint32_t seed) const {
    return epicrisis::testing::random_source(checkpoint_.architecture, count, seed);
  }
  Checkpoint checkpoint_;
  std::unique_ptr<Transformer> model_;
  std::shared_ptr<const Engine> engine_;
};

TEST_P(BothRuntimes, GiveTheSameLogits) {
  const at::NoGradGuard no_gradients;
  for (const int length : {1, 7, 45}) {
    data::PackedBatch batch;
    if (has_encoder()) batch.source_ids = ids(length + 5, 1);
    batch.source_offsets = {0, static_cast<std::int64_t>(batch.source_ids.size())};
    batch.decoder_ids = ids(length, 2);
    batch.labels = batch.decoder_ids;
    batch.target_offsets = {0, length};
    const at::Tensor ours = model_->logits(batch).contiguous();
    const auto theirs = engine_->forward(batch.source_ids, batch.decoder_ids);
    ASSERT_TRUE(theirs.has_value()) << theirs.error().to_line();
    ASSERT_EQ(static_cast<std::size_t>(ours.numel()), theirs->values.size());
    for (std::size_t i = 0; i < theirs->values.size(); ++i)
      ASSERT_NEAR(ours.data_ptr<float>()[i], theirs->values[i], 1e-4)
          << "length " << length << " element " << i;
  }
}

TEST_P(BothRuntimes, DecodeAlikeStepByStep) {
  const TorchBackend torch(*model_);
  const auto ours = torch.start_session(), theirs = engine_->start_session();
  const std::vector<Ids> sources = {ids(4, 3), ids(6, 4)};
  const auto our_ids = (*ours)->add(sources), their_ids = (*theirs)->add(sources);
  ASSERT_TRUE(our_ids.has_value() && their_ids.has_value());
  const Ids start = {checkpoint_.architecture.decoder_start_token_id}, one = {17}, two = {8, 27};
  const Ids& first = has_encoder() ? start : sources[0];
  const Ids& second = has_encoder() ? start : sources[1];
  const auto vocabulary = static_cast<std::size_t>(torch.vocab_size());
  // Two fresh rows; then beams that share a parent; then one row dropped and several tokens at once.
  const std::vector<std::vector<std::tuple<std::size_t, int, std::span<const TokenId>>>> steps = {
      {{0, -1, first}, {1, -1, second}},
      {{0, 0, one}, {1, 1, one}, {0, 0, two}},
      {{0, 2, one}, {1, 1, two}, {0, 2, two}}};
  for (const auto& rows : steps) {
    std::vector<HypothesisStep> left_rows, right_rows;
    for (const auto& [source, parent, tokens] : rows) {
      left_rows.push_back({(*our_ids)[source], parent, tokens});
      right_rows.push_back({(*their_ids)[source], parent, tokens});
    }
    std::vector<float> left(rows.size() * vocabulary), right(left.size());
    ASSERT_TRUE((*ours)->step(left_rows, left).has_value());
    ASSERT_TRUE((*theirs)->step(right_rows, right).has_value());
    for (std::size_t i = 0; i < left.size(); ++i) ASSERT_NEAR(left[i], right[i], 1e-4) << "element " << i;
  }
}

TEST_P(BothRuntimes, SetTheSameLimits) {
  const TorchBackend torch(*model_);
  EXPECT_EQ(torch.is_encoder_decoder(), engine_->is_encoder_decoder());
  EXPECT_EQ(torch.vocab_size(), engine_->vocab_size());
  EXPECT_EQ(torch.max_source_tokens(), engine_->max_source_tokens());
  EXPECT_EQ(torch.max_target_tokens(), engine_->max_target_tokens());
}

TEST_P(BothRuntimes, TheModuleExportsWhatItLoaded) {
  const Weights exported = model_->weights();
  for (const auto& [name, tensor] : checkpoint_.weights.tensors()) {
    const TensorView* copy = exported.find(name);
    ASSERT_NE(copy, nullptr) << name;
    EXPECT_EQ(copy->shape, tensor.shape) << name;
    std::vector<float> before(static_cast<std::size_t>(tensor.element_count())), after(before.size());
    widen_to_float32(tensor, before);
    widen_to_float32(*copy, after);
    EXPECT_EQ(before, after) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, BothRuntimes, ::testing::ValuesIn(cases()),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace epicrisis::train
