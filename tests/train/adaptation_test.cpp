// Freezing, low-rank adapters and recomputed activations: what must hold for the models of all families.
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <memory>
#include <string>

#include "base/files.hpp"
#include "checkpoint/families/family.hpp"
#include "checkpoint/name_map.hpp"
#include "checkpoint/safetensors.hpp"
#include "engine/variants.hpp"
#include "support/random_checkpoint.hpp"
#include "train/adapter_checkpoint.hpp"
#include "train/ops/ops.hpp"
#include "train/optimizer.hpp"
#include "train/transformer.hpp"

namespace epicrisis::train {
namespace {

using at::Tensor;
using data::PackedBatch;
using epicrisis::testing::Variant;

PackedBatch batch_for(const Architecture& architecture) {
  PackedBatch batch;
  const auto id = [&](std::size_t i) {
    return static_cast<TokenId>(2 + (i * 7) % static_cast<std::size_t>(architecture.vocab_size - 2));
  };
  for (const std::size_t length : {9U, 1U, 20U}) {
    if (architecture.topology == Topology::kEncoderDecoder)
      for (std::size_t i = 0; i < length + 3; ++i) batch.source_ids.push_back(id(i * 3 + length));
    batch.source_offsets.push_back(static_cast<std::int64_t>(batch.source_ids.size()));
    for (std::size_t i = 0; i < length; ++i) {
      batch.decoder_ids.push_back(id(i * 5 + length));
      batch.labels.push_back(id(i * 2 + 1));
    }
    batch.target_offsets.push_back(static_cast<std::int64_t>(batch.labels.size()));
  }
  return batch;
}

/// Loss and gradients of the trained parameters.
std::pair<double, Tensor> loss_and_gradients(Transformer& model, DropoutSeeds dropout = {}) {
  model.gradients().zero_();
  const Tensor loss = model.loss(batch_for(model.architecture()), {}, dropout);
  loss.backward();
  return {loss.item<double>(), model.gradients().clone()};
}

class Adaptation : public ::testing::TestWithParam<Variant> {
 protected:
  Transformer model(const TrainedParameters& trained) const {
    return model_of(GetParam().architecture, trained);
  }
  static Transformer model_of(const Architecture& architecture, const TrainedParameters& trained) {
    auto made = Transformer::create(architecture, trained);
    EXPECT_TRUE(made.has_value()) << made.error().to_line();
    const Checkpoint checkpoint = epicrisis::testing::random_checkpoint(architecture, 11);
    EXPECT_TRUE(made->load(checkpoint.weights).has_value());
    made->initialise_adapters(5);
    return *std::move(made);
  }
  /// Adapters of every projection that have learnt something.
  Transformer adapted(double dropout = 0) const {
    TrainedParameters trained;
    trained.lora = {3, 6, dropout, {"all-linear"}};
    Transformer made = model(trained);
    const at::NoGradGuard no_gradients;
    for (const ParameterSlot& slot : made.layout().adapter_slots())
      made.parameters().narrow(0, slot.offset, slot.count).normal_(0, 0.1, at::detail::createCPUGenerator(3));
    return made;
  }
  static void expect_near(const Tensor& own, const Tensor& expected, double relative) {
    EXPECT_LE((own - expected).abs().max().item<double>(), relative * expected.abs().max().item<double>());
  }
  static void expect_gradients_of_all(Transformer& some, Transformer& all) {
    const auto [loss, gradients] = loss_and_gradients(some);
    const auto [expected_loss, expected] = loss_and_gradients(all);
    EXPECT_EQ(loss, expected_loss);
    for (const ParameterSlot& slot : some.layout().slots()) {
      if (!slot.trained) continue;
      const Tensor own = gradients.narrow(0, slot.gradient_offset, slot.count);
      const Tensor whole = expected.narrow(0, all.layout().slot(slot.name).gradient_offset, slot.count);
      EXPECT_LE((own - whole).abs().max().item<double>(), 1e-6 * (1 + whole.abs().max().item<double>()))
          << slot.name;
    }
  }
};

TEST_P(Adaptation, RecomputedLayersGiveTheSameBits) {
  Architecture architecture = GetParam().architecture;
  architecture.dropout = architecture.attention_dropout = architecture.activation_dropout = 0.2F;
  Transformer made = model_of(architecture, {});
  const auto kept = loss_and_gradients(made, DropoutSeeds(7));
  made.set_gradient_checkpointing(true);
  const auto recomputed = loss_and_gradients(made, DropoutSeeds(7));
  EXPECT_EQ(recomputed.first, kept.first);
  EXPECT_TRUE(at::equal(recomputed.second, kept.second));
  EXPECT_NE(loss_and_gradients(made, DropoutSeeds(8)).first, kept.first);
}

TEST_P(Adaptation, RecomputedLayersTrainAdaptersOfAFrozenModel) {
  Transformer made = adapted(0.2);
  const auto kept = loss_and_gradients(made, DropoutSeeds(7));
  made.set_gradient_checkpointing(true);
  const auto recomputed = loss_and_gradients(made, DropoutSeeds(7));
  EXPECT_EQ(recomputed.first, kept.first);
  // What several adapters of a layer give to the encoder is summed up in another order.
  expect_near(recomputed.second, kept.second, 1e-5);
  EXPECT_GT(kept.second.abs().max().item<double>(), 0);
}

TEST_P(Adaptation, GuidedHeadsAreTrainedToLookWhereTheNextTokenStands) {
  if (GetParam().architecture.topology != Topology::kEncoderDecoder) return;  // no cross-attention
  Transformer made = model({});
  const auto plain = loss_and_gradients(made);
  made.set_alignment_guide({{{0, {1}}}, 0.5});
  const auto guided = loss_and_gradients(made);
  EXPECT_GT(guided.first, plain.first);
  {
    const at::NoGradGuard evaluation;
    EXPECT_NEAR(made.loss(batch_for(made.architecture()), {}).item<double>(), plain.first, 1e-6 * plain.first)
        << "evaluation knows cross-entropy alone";
  }
  made.set_gradient_checkpointing(true);
  const auto recomputed = loss_and_gradients(made);
  EXPECT_EQ(recomputed.first, guided.first);
  expect_near(recomputed.second, guided.second, 1e-5);
  // A step against the gradients lowers the sum, of which cross-entropy alone is told above.
  const at::NoGradGuard no_gradients;
  made.parameters().sub_(guided.second * (1e-3 / guided.second.norm()));
  const at::AutoGradMode with_gradients(true);
  EXPECT_LT(loss_and_gradients(made).first, guided.first);
}

TEST_P(Adaptation, RecomputedLayersStayInBfloat16) {
  Transformer made = model({});
  made.set_bfloat16(true);
  const auto kept = loss_and_gradients(made);
  made.set_gradient_checkpointing(true);
  const auto recomputed = loss_and_gradients(made);
  EXPECT_EQ(recomputed.first, kept.first);
  expect_near(recomputed.second, kept.second, 0x1p-8);  // sums of bfloat16
}

TEST_P(Adaptation, FrozenParametersGetNoGradientAndChangeNoOther) {
  Transformer all = model({});
  for (const char* const entry : {"embeddings", "feed_forward", "norms", "decoder\\.layers\\.0\\."}) {
    SCOPED_TRACE(entry);
    Transformer some = model({{entry}, {}});
    EXPECT_LT(some.layout().trained_total(), all.layout().trained_total());
    EXPECT_EQ(some.gradients().numel(), some.layout().trained_total());
    expect_gradients_of_all(some, all);
  }
}

TEST_P(Adaptation, PartsOfFusedProjectionsMayBeFrozen) {
  Transformer all = model({});
  Transformer some = model({{"_attention\\.query\\."}, {}});
  EXPECT_FALSE(some.layout().slot("decoder.layers.0.self_attention.query.weight").trained);
  EXPECT_TRUE(some.layout().slot("decoder.layers.0.self_attention.key.weight").trained);
  expect_gradients_of_all(some, all);
}

TEST_P(Adaptation, FreshAdaptersChangeNothing) {
  const at::NoGradGuard no_gradients;
  TrainedParameters trained;
  trained.lora = {4, 8, 0, {"query", "value"}};
  const PackedBatch batch = batch_for(GetParam().architecture);
  EXPECT_TRUE(at::equal(model(trained).logits(batch), model({}).logits(batch)));
}

TEST_P(Adaptation, AdaptersHaveTheGradientsOfPlainOperations) {
  Transformer made = adapted();
  const auto [loss, gradients] = loss_and_gradients(made);
  ops::set_kernels_enabled(false);
  const auto [plain_loss, plain_gradients] = loss_and_gradients(made);
  ops::set_kernels_enabled(true);
  EXPECT_NEAR(loss, plain_loss, 1e-5 * plain_loss);
  EXPECT_EQ(gradients.numel(), made.layout().trained_total());
  const double scale = std::max(1e-2, plain_gradients.abs().max().item<double>());
  EXPECT_LT((gradients - plain_gradients).abs().max().item<double>(), 5e-5 * scale);
}

TEST_P(Adaptation, AdapterGradientsAreTheSlopeOfTheLoss) {
  Transformer made = adapted();
  const Tensor gradients = loss_and_gradients(made).second;
  const at::NoGradGuard no_gradients;
  Tensor trained = made.parameters().narrow(0, made.layout().adapter_slots().front().offset,
                                            made.layout().trained_total());
  const Tensor start = trained.clone(), direction = gradients / gradients.norm();
  constexpr double kStep = 2e-3;
  const auto loss_at = [&](double distance) {
    trained.copy_(start + direction * distance);
    return made.loss(batch_for(made.architecture()), {}).item<double>();
  };
  const double slope = (loss_at(kStep) - loss_at(-kStep)) / (2 * kStep);
  const double norm = gradients.norm().item<double>();
  EXPECT_NEAR(slope, norm, 2e-2 * norm + 1e-4);
}

TEST_P(Adaptation, AMergedModelComputesTheSame) {
  Transformer made = adapted();
  const at::NoGradGuard no_gradients;
  const PackedBatch batch = batch_for(GetParam().architecture);
  const Tensor before = made.logits(batch);
  const auto merged = merge_adapters_checked(made, batch);
  ASSERT_TRUE(merged.has_value()) << merged.error().to_line();
  Transformer plain = *Transformer::create(GetParam().architecture);
  ASSERT_TRUE(plain.load(made.weights()).has_value());
  EXPECT_LT((plain.logits(batch) - before).abs().max().item<double>(), 1e-4);
  EXPECT_GT((model({}).logits(batch) - before).abs().max().item<double>(), 1e-2) << "they do something";
}

INSTANTIATE_TEST_SUITE_P(Small, Adaptation, ::testing::ValuesIn(epicrisis::testing::engine_variants()),
                         [](const auto& named) { return named.param.name; });

std::vector<Variant> families() {
  using namespace epicrisis::testing;
  return {{"pegasus", pegasus_architecture(101, 24, 2, 4, 32, 64)},
          {"bart", bart_architecture(101, 24, 2, 4, 32, 64)},
          {"t5", t5_architecture(101, 24, 2, 4, 32)},
          {"gpt2", gpt2_architecture(101, 24, 2, 4, 32, 64)},
          {"bloom", bloom_architecture(101, 24, 2, 4, 96)}};
}

class AdaptedFamily : public Adaptation {
 protected:
  /// The adapters that PEFT would add when told no modules.
  Transformer by_default() const {
    TrainedParameters trained;
    trained.lora.rank = 4;
    Transformer made = model(trained);
    const at::NoGradGuard no_gradients;
    for (const ParameterSlot& slot : made.layout().adapter_slots())
      made.parameters().narrow(0, slot.offset, slot.count).normal_(0, 0.1, at::detail::createCPUGenerator(3));
    return made;
  }
};

TEST_P(AdaptedFamily, StartsAsPeft) {
  TrainedParameters trained;
  trained.lora.rank = 4;
  const Transformer made = model(trained);
  const bool is_fused = GetParam().name == "gpt2" || GetParam().name == "bloom";
  const std::size_t attentions = is_fused ? 2 : 6;
  EXPECT_EQ(made.layout().adapters().size(), attentions * (is_fused ? 1 : 2));
  for (const LowRankAdapter& adapter : made.layout().adapters()) {
    EXPECT_EQ(adapter.targets.size(), is_fused ? 3U : 1U);
    EXPECT_EQ(adapter.scale, 2);
    const ParameterSlot &a = made.layout().slot(adapter.a), &b = made.layout().slot(adapter.b);
    EXPECT_EQ(made.parameters().narrow(0, b.offset, b.count).abs().max().item<double>(), 0);
    const Tensor values = made.parameters().narrow(0, a.offset, a.count).abs();
    const double bound = 1 / std::sqrt(24.0);
    EXPECT_LE(values.max().item<double>(), bound);
    EXPECT_GT(values.max().item<double>(), 0.9 * bound);
  }
}

/// PEFT's own rule for merging, on the tensors as the files have them.
TEST_P(AdaptedFamily, WritesAdaptersThatFitTheFamilysFiles) {
  Transformer made = by_default();
  const auto folder = TemporaryDirectory::create();
  ASSERT_TRUE(save_adapters(made, "base", folder->path()).has_value());
  const auto files = read_safetensors(folder->path() / "adapter_model.safetensors");
  ASSERT_TRUE(files.has_value());
  const Architecture& architecture = made.architecture();
  const auto tensor = [](const TensorView* view) {
    Tensor copy = at::empty(view->shape, at::kFloat);
    widen_to_float32(*view, {copy.data_ptr<float>(), static_cast<std::size_t>(copy.numel())});
    return copy;
  };
  const auto base = to_file_names(model({}).weights(), *find_family(architecture.family), architecture);
  const std::vector<LowRankAdapter> adapters = made.layout().adapters();
  made.merge_adapters();
  const auto merged = to_file_names(made.weights(), *find_family(architecture.family), architecture);
  ASSERT_TRUE(base.has_value() && merged.has_value());
  for (const LowRankAdapter& adapter : adapters) {
    const std::string name = "base_model.model." + adapter.module;
    Tensor product =
        tensor(files->find(name + ".lora_B.weight")).matmul(tensor(files->find(name + ".lora_A.weight"))) *
        adapter.scale;
    if (architecture.family == "gpt2") product = product.transpose(0, 1);
    const std::string weight = adapter.module + ".weight";
    const Tensor difference = tensor(merged->find(weight)) - tensor(base->find(weight)) - product;
    EXPECT_LT(difference.abs().max().item<double>(), 1e-6) << weight;
  }
}

TEST_P(AdaptedFamily, ReadsItsAdaptersBack) {
  Transformer made = by_default();
  const auto folder = TemporaryDirectory::create();
  ASSERT_TRUE(save_adapters(made, "base", folder->path()).has_value());
  EXPECT_TRUE(holds_adapters(folder->path()));
  TrainedParameters trained;
  trained.lora.rank = 4;
  Transformer other = model(trained);
  const auto loaded = load_adapters(other, folder->path());
  ASSERT_TRUE(loaded.has_value()) << loaded.error().to_line();
  EXPECT_TRUE(at::equal(other.parameters(), made.parameters()));
  trained.lora.rank = 3;
  Transformer narrower = model(trained);
  EXPECT_FALSE(load_adapters(narrower, folder->path()).has_value());
  trained.lora = {4, 99, 0, {}};
  Transformer louder = model(trained);
  EXPECT_EQ(load_adapters(louder, folder->path()).error().code, ErrorCode::kConflict);
}

TEST_P(AdaptedFamily, OnlyAdaptersLearn) {
  Transformer made = by_default();
  const Tensor before = made.parameters().clone();
  const auto optimizer = make_optimizer(made.layout(), {});
  const double start = loss_and_gradients(made).first;
  for (int step = 0; step < 8; ++step) {
    loss_and_gradients(made);
    optimizer->step(made.parameters(), made.gradients(), 0.02, 1.0);
  }
  EXPECT_LT(loss_and_gradients(made).first, start);
  const std::int64_t own = made.layout().adapter_slots().front().offset;
  EXPECT_TRUE(at::equal(made.parameters().narrow(0, 0, own), before.narrow(0, 0, own)));
}

INSTANTIATE_TEST_SUITE_P(Families, AdaptedFamily, ::testing::ValuesIn(families()),
                         [](const auto& named) { return named.param.name; });

TEST(TrainedParameters, NamesModulesAsTheirFamilyDoes) {
  const auto adapters = [](const Architecture& architecture, std::vector<std::string> modules) {
    TrainedParameters trained;
    trained.lora = {2, 4, 0, std::move(modules)};
    const auto layout = trained_layout(architecture, trained);
    EXPECT_TRUE(layout.has_value()) << layout.error().to_line();
    return layout ? layout->adapters().size() : 0;
  };
  const Architecture bart = epicrisis::testing::bart_architecture(101, 24, 2, 4, 32, 64);
  const Architecture t5 = epicrisis::testing::t5_architecture(101, 24, 2, 4, 32);
  const Architecture gpt2 = epicrisis::testing::gpt2_architecture(101, 24, 2, 4, 32, 64);
  EXPECT_EQ(adapters(bart, {"k_proj", "fc1"}), 6U + 4U);
  EXPECT_EQ(adapters(bart, {"encoder_attn.q_proj"}), 2U);
  EXPECT_EQ(adapters(bart, {".*decoder.*self_attn\\.(q|v)_proj"}), 4U);
  EXPECT_EQ(adapters(t5, {"q", "SelfAttention.o", "wi"}), 6U + 4U + 4U);
  EXPECT_EQ(adapters(t5, {"all-linear"}), 2U * 6U + 2U * 10U);
  EXPECT_EQ(adapters(gpt2, {"c_attn", "c_proj"}), 2U + 4U);
  EXPECT_EQ(adapters(gpt2, {"query"}), 2U);
}

TEST(TrainedParameters, SaysWhatThereIs) {
  const Architecture t5 = epicrisis::testing::t5_architecture(101, 24, 2, 4, 32);
  const auto message = [&](const TrainedParameters& trained) {
    const auto layout = trained_layout(t5, trained);
    EXPECT_FALSE(layout.has_value());
    return layout ? std::string() : layout.error().public_message;
  };
  TrainedParameters wrong_module;
  wrong_module.lora = {2, 4, 0, {"q_proj"}};
  EXPECT_NE(message(wrong_module).find("k, o, q, v, wi, wo"), std::string::npos);
  EXPECT_NE(message({{"enkoder"}, {}}).find("embeddings, encoder, decoder"), std::string::npos);
  EXPECT_NE(message({{"(encoder"}, {}}).find("no regular expression"), std::string::npos);
  EXPECT_NE(message({{".*"}, {}}).find("nothing to train"), std::string::npos);
  TrainedParameters twice;
  twice.lora = {2, 4, 1.0, {"q"}};
  EXPECT_NE(message(twice).find("--lora-dropout"), std::string::npos);
}

}  // namespace
}  // namespace epicrisis::train
