// The module on small models of every family and of none: what must hold whatever the weights are.
#include "train/transformer.hpp"

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <string>

#include "engine/variants.hpp"
#include "support/random_checkpoint.hpp"
#include "train/collation.hpp"
#include "train/ops/ops.hpp"
#include "train/torch_backend.hpp"

namespace epicrisis::train {
namespace {

using at::Tensor;
using data::PackedBatch;
using Ids = std::vector<TokenId>;
using epicrisis::testing::Variant;

class EveryVariant : public ::testing::TestWithParam<Variant> {
 protected:
  void SetUp() override {
    Result<Transformer> model = Transformer::create(GetParam().architecture);
    ASSERT_TRUE(model.has_value()) << model.error().to_line();
    model_ = std::make_unique<Transformer>(*std::move(model));
    const Checkpoint checkpoint = epicrisis::testing::random_checkpoint(GetParam().architecture, 11);
    const Result<void> loaded = model_->load(checkpoint.weights);
    ASSERT_TRUE(loaded.has_value()) << loaded.error().to_line();
  }
  bool has_encoder() const { return GetParam().architecture.topology == Topology::kEncoderDecoder; }

  /// Sequences of quite different lengths; decoder-only models have no sources.
  PackedBatch batch() const {
    PackedBatch batch;
    for (const std::size_t length : {9U, 1U, 30U}) add(batch, length);
    return batch;
  }
  void add(PackedBatch& batch, std::size_t length) const {
    if (has_encoder()) batch.source_ids.insert(batch.source_ids.end(), length + 3, 0);
    batch.source_offsets.push_back(static_cast<std::int64_t>(batch.source_ids.size()));
    for (std::size_t i = 0; i < length; ++i) {
      batch.decoder_ids.push_back(static_cast<TokenId>((i * 17 + length) % 101));
      batch.labels.push_back(static_cast<TokenId>((i * 5 + 3) % 101));
    }
    batch.target_offsets.push_back(static_cast<std::int64_t>(batch.labels.size()));
    std::int64_t place = 0;
    for (TokenId& id : batch.source_ids) id = static_cast<TokenId>((++place * 7) % 97 + 2);
  }
  /// Sequence `index` of `batch` alone.
  static PackedBatch alone(const PackedBatch& batch, std::size_t index) {
    const auto part = [&](const Ids& ids, const std::vector<std::int64_t>& offsets) {
      return Ids(ids.begin() + offsets[index], ids.begin() + offsets[index + 1]);
    };
    PackedBatch one;
    one.source_ids = part(batch.source_ids, batch.source_offsets);
    one.source_offsets = {0, static_cast<std::int64_t>(one.source_ids.size())};
    one.decoder_ids = part(batch.decoder_ids, batch.target_offsets);
    one.labels = part(batch.labels, batch.target_offsets);
    one.target_offsets = {0, static_cast<std::int64_t>(one.labels.size())};
    return one;
  }
  /// Loss and gradients of batch().
  std::pair<double, Tensor> loss_and_gradients() {
    model_->gradients().zero_();
    const Tensor loss = model_->loss(batch(), {});
    loss.backward();
    return {loss.item<double>(), model_->gradients().clone()};
  }
  std::unique_ptr<Transformer> model_;
};

TEST_P(EveryVariant, KernelsGiveLossAndGradientsOfPlainOperations) {
  const auto [loss, gradients] = loss_and_gradients();
  ops::set_kernels_enabled(false);
  const auto [plain_loss, plain_gradients] = loss_and_gradients();
  ops::set_kernels_enabled(true);
  EXPECT_NEAR(loss, plain_loss, 1e-5 * plain_loss);
  for (const ParameterSlot& slot : model_->layout().slots()) {
    const Tensor own = gradients.narrow(0, slot.offset, slot.count);
    const Tensor expected = plain_gradients.narrow(0, slot.offset, slot.count);
    const double scale = std::max(1e-2, expected.abs().max().item<double>());
    EXPECT_LT((own - expected).abs().max().item<double>(), 5e-5 * scale) << slot.name;
  }
}

TEST_P(EveryVariant, EveryParameterTakesPart) {
  const Tensor gradients = loss_and_gradients().second;
  for (const ParameterSlot& slot : model_->layout().slots()) {
    if (slot.name.ends_with(".key.bias")) continue;  // shifts all scores of a query alike
    EXPECT_GT(gradients.narrow(0, slot.offset, slot.count).abs().max().item<double>(), 0) << slot.name;
  }
}

TEST_P(EveryVariant, GradientsAreTheSlopeOfTheLoss) {
  const Tensor gradients = loss_and_gradients().second;
  const at::NoGradGuard no_gradients;
  const Tensor start = model_->parameters().clone();
  const Tensor direction = gradients / gradients.norm();
  constexpr double kStep = 2e-3;
  const auto loss_at = [&](double distance) {
    model_->parameters().copy_(start + direction * distance);
    return model_->loss(batch(), {}).item<double>();
  };
  const double slope = (loss_at(kStep) - loss_at(-kStep)) / (2 * kStep);
  const double norm = gradients.norm().item<double>();
  EXPECT_NEAR(slope, norm, 2e-2 * norm);
}

TEST_P(EveryVariant, BatchMatesChangeNothing) {
  const at::NoGradGuard no_gradients;
  const PackedBatch all = batch();
  const Tensor together = model_->logits(all);
  for (std::size_t i = 0; i + 1 < all.target_offsets.size(); ++i) {
    const Tensor own = together.slice(0, all.target_offsets[i], all.target_offsets[i + 1]);
    EXPECT_LT((own - model_->logits(alone(all, i))).abs().max().item<double>(), 1e-4) << "sequence " << i;
  }
}

/// Packing: the examples of a batch stand side by side and do not see each other, so that the batch's loss
/// and gradients are those of the examples one by one, weighed by the labels that count.
TEST_P(EveryVariant, APackedBatchLearnsWhatItsExamplesTeachOneByOne) {
  const Architecture& architecture = model_->architecture();
  std::vector<data::TrainingPair> pairs;
  for (const auto& [source, target] : {std::pair{12, 5}, std::pair{1, 20}, std::pair{17, 1}, std::pair{4, 9}})
    pairs.push_back({epicrisis::testing::random_source(architecture, source, 3),
                     epicrisis::testing::random_source(architecture, target, 5)});
  PackedBatch together;
  for (const data::TrainingPair& pair : pairs) append_example(together, pair, architecture);
  const auto counted = [](const PackedBatch& batch) {
    return std::ranges::count_if(batch.labels, [](TokenId id) { return id != data::kIgnoredLabel; });
  };
  const LossSettings settings{.label_smoothing = 0.1, .factor = 1};
  model_->gradients().zero_();
  const Tensor loss = model_->loss(together, settings);
  loss.backward();
  const Tensor gradients = model_->gradients().clone();

  model_->gradients().zero_();
  double sum = 0;
  for (const data::TrainingPair& pair : pairs) {
    PackedBatch one;
    append_example(one, pair, architecture);
    LossSettings share = settings;
    share.factor = static_cast<double>(counted(one)) / static_cast<double>(counted(together));
    const Tensor own = model_->loss(one, share);
    own.backward();
    sum += own.item<double>();
  }
  EXPECT_NEAR(loss.item<double>(), sum, 1e-5 * sum);
  for (const ParameterSlot& slot : model_->layout().slots()) {
    const Tensor packed = gradients.narrow(0, slot.offset, slot.count);
    const Tensor apart = model_->gradients().narrow(0, slot.offset, slot.count);
    const double scale = std::max(1e-2, apart.abs().max().item<double>());
    EXPECT_LT((packed - apart).abs().max().item<double>(), 5e-5 * scale) << slot.name;
  }
}

TEST_P(EveryVariant, BfloatLossesStayNear) {
  const double exact = model_->loss(batch(), {}).item<double>();
  model_->set_bfloat16(true);
  const auto [loss, gradients] = loss_and_gradients();
  EXPECT_NEAR(loss, exact, 0.03 * exact);
  EXPECT_NE(loss, exact);
  EXPECT_TRUE(gradients.isfinite().all().item<bool>());
}

TEST_P(EveryVariant, DropoutIsSettledByItsSeed) {
  Architecture architecture = GetParam().architecture;
  architecture.dropout = architecture.attention_dropout = architecture.activation_dropout = 0.2F;
  architecture.final_dropout = 0.2F;
  Transformer model = *Transformer::create(architecture);
  ASSERT_TRUE(model.load(model_->weights()).has_value());
  const at::NoGradGuard no_gradients;
  const auto loss = [&](std::uint64_t seed) {
    return model.loss(batch(), {}, DropoutSeeds(seed)).item<double>();
  };
  EXPECT_EQ(loss(1), loss(1));
  EXPECT_NE(loss(1), loss(2));
  EXPECT_EQ(model.loss(batch(), {}).item<double>(), model_->loss(batch(), {}).item<double>());
}

TEST_P(EveryVariant, WhatIsExportedLoadsAgain) {
  const Weights exported = model_->weights();
  Transformer copy = *Transformer::create(GetParam().architecture);
  const Result<void> loaded = copy.load(exported);
  ASSERT_TRUE(loaded.has_value()) << loaded.error().to_line();
  EXPECT_TRUE(at::equal(copy.parameters(), model_->parameters()));
}

TEST_P(EveryVariant, NamesATensorThatIsMissing) {
  const Weights exported = model_->weights();
  Weights::Map tensors = exported.tensors();
  const std::string last = model_->layout().slots().back().name;
  tensors.erase(last);
  Transformer copy = *Transformer::create(GetParam().architecture);
  const Result<void> loaded = copy.load(Weights(tensors, nullptr));
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().detail.find(last), std::string::npos);
}

/// Feeds `ids` to a fresh hypothesis in the parts that end at `ends`, and compares each part's logits with
/// those of a whole forward pass.
void expect_steps_as_forward(const Transformer& model, const PackedBatch& one,
                             const std::vector<std::size_t>& ends) {
  const Tensor whole = model.logits(one).contiguous();
  const TorchBackend backend(model);
  const auto session = backend.start_session();
  const bool has_encoder = backend.is_encoder_decoder();
  const auto source = (*session)->add(std::vector<Ids>{has_encoder ? one.source_ids : one.decoder_ids});
  ASSERT_TRUE(source.has_value()) << source.error().to_line();
  std::vector<float> logits(static_cast<std::size_t>(backend.vocab_size()));
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    const std::vector<HypothesisStep> rows = {
        {source->front(), begin == 0 ? -1 : 0, std::span(one.decoder_ids).subspan(begin, end - begin)}};
    ASSERT_TRUE((*session)->step(rows, logits).has_value());
    for (std::size_t v = 0; v < logits.size(); ++v)
      ASSERT_NEAR(logits[v], whole.data_ptr<float>()[(end - 1) * logits.size() + v], 1e-4) << end << ' ' << v;
    begin = end;
  }
}

TEST_P(EveryVariant, DecodesInStepsAsInOnePass) {
  const at::NoGradGuard no_gradients;
  PackedBatch one;
  add(one, 30);
  expect_steps_as_forward(*model_, one, {30});              // a whole prompt
  expect_steps_as_forward(*model_, one, {20, 21, 22, 30});  // a prompt, tokens, and several at once
  expect_steps_as_forward(*model_, one, {1, 2, 3, 4, 5, 6, 7});
}

TEST_P(EveryVariant, BeamsOfDifferentPromptsKeepApart) {
  const at::NoGradGuard no_gradients;
  const PackedBatch all = batch();
  const TorchBackend backend(*model_);
  const auto session = backend.start_session();
  std::vector<Ids> sources;
  for (std::size_t i = 0; i < 3; ++i) {
    const PackedBatch one = alone(all, i);
    sources.push_back(has_encoder() ? one.source_ids : one.decoder_ids);
  }
  const auto ids = (*session)->add(sources);
  ASSERT_TRUE(ids.has_value());
  std::vector<PackedBatch> parts;
  for (std::size_t i = 0; i < 3; ++i) parts.push_back(alone(all, i));
  const auto vocabulary = static_cast<std::size_t>(backend.vocab_size());
  std::vector<HypothesisStep> rows;
  for (std::size_t i = 0; i < 3; ++i) rows.push_back({(*ids)[i], -1, parts[i].decoder_ids});
  std::vector<float> logits(3 * vocabulary);
  ASSERT_TRUE((*session)->step(rows, logits).has_value());
  // The third continues twice, the first once, the second not at all.
  const Ids next = {5}, other = {7, 8};
  rows = {{(*ids)[2], 2, next}, {(*ids)[0], 0, next}, {(*ids)[2], 2, other}};
  ASSERT_TRUE((*session)->step(rows, logits).has_value());
  const std::vector<std::pair<std::size_t, Ids>> expected = {{2, next}, {0, next}, {2, other}};
  for (std::size_t row = 0; row < expected.size(); ++row) {
    PackedBatch one = parts[expected[row].first];
    one.decoder_ids.insert(one.decoder_ids.end(), expected[row].second.begin(), expected[row].second.end());
    one.labels.resize(one.decoder_ids.size());
    one.target_offsets = {0, static_cast<std::int64_t>(one.decoder_ids.size())};
    const Tensor last = model_->logits(one)[-1].contiguous();
    for (std::size_t v = 0; v < vocabulary; ++v)
      ASSERT_NEAR(logits[row * vocabulary + v], last.data_ptr<float>()[v], 1e-4) << row << ' ' << v;
  }
}

TEST_P(EveryVariant, PositionsAreALimitWhereThereIsATable) {
  const int limit = GetParam().architecture.max_positions;
  const TorchBackend backend(*model_);
  EXPECT_EQ(backend.max_source_tokens(), limit > 0 ? limit : std::numeric_limits<int>::max());
  if (limit == 0) return;
  const auto session = backend.start_session();
  const auto refused = (*session)->add(std::vector<Ids>{Ids(static_cast<std::size_t>(limit) + 1, 5)});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(Small, EveryVariant, ::testing::ValuesIn(epicrisis::testing::engine_variants()),
                         [](const auto& instance) { return instance.param.name; });

TEST(Transformer, WhatCannotBeTrainedIsRefusedByName) {
  Architecture architecture = epicrisis::testing::engine_variants().front().architecture;
  architecture.positions = PositionEncoding::kRotary;
  const auto model = Transformer::create(architecture);
  ASSERT_FALSE(model.has_value());
  EXPECT_EQ(model.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(model.error().public_message.find("rotary"), std::string::npos);
}

}  // namespace
}  // namespace epicrisis::train
