// The LibTorch module against the reference implementation: logits, losses, and whole training runs.
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <cmath>
#include <map>
#include <memory>
#include <numeric>
#include <string>

#include "base/json.hpp"
#include "checkpoint/checkpoint.hpp"
#include "checkpoint/families/family.hpp"
#include "checkpoint/name_map.hpp"
#include "support/fixtures.hpp"
#include "train/lr_schedule.hpp"
#include "train/optimizer.hpp"
#include "train/transformer.hpp"

namespace epicrisis::train {
namespace {
namespace fs = std::filesystem;

using data::PackedBatch;
using Ids = std::vector<TokenId>;

class TrainingParity : public ::testing::TestWithParam<fs::path> {
 protected:
  void SetUp() override {
    Result<Checkpoint> checkpoint = load_checkpoint(GetParam());
    ASSERT_TRUE(checkpoint.has_value()) << checkpoint.error().to_line();
    Result<Transformer> model = Transformer::create(checkpoint->architecture);
    ASSERT_TRUE(model.has_value()) << model.error().to_line();
    model_ = std::make_unique<Transformer>(*std::move(model));
    const Result<void> loaded = model_->load(checkpoint->weights);
    ASSERT_TRUE(loaded.has_value()) << loaded.error().to_line();
  }
  Json read(const std::string& file) const {
    Result<Json> json = read_json_file(GetParam() / file);
    EXPECT_TRUE(json.has_value());
    return json ? *json : Json::object();
  }
  bool has_encoder() const { return model_->architecture().topology == Topology::kEncoderDecoder; }
  /// A padded batch of the fixtures, packed.
  PackedBatch packed(const Json& batch) const {
    PackedBatch result;
    for (std::size_t row = 0; row < batch["input_ids"].size(); ++row) {
      const auto mask = batch["attention_mask"][row].get<std::vector<int>>();
      const Ids source = unpadded(batch["input_ids"][row].get<Ids>(), mask);
      const auto labels = batch["labels"][row].get<Ids>();
      if (has_encoder())
        append_pair(result, source, labels,
                    {teacher_forcing_start(model_->architecture()), model_->architecture().pad_token_id});
      else
        append_sequence(result, source, unpadded(labels, mask));
    }
    return result;
  }
  static Ids unpadded(const Ids& padded, const std::vector<int>& mask) {
    Ids ids;
    for (std::size_t i = 0; i < padded.size(); ++i)
      if (mask[i] != 0) ids.push_back(padded[i]);
    return ids;
  }
  /// The parameters' places in `flat`, a buffer laid out as they are, under the names of the family's files.
  std::map<std::string, at::Tensor> by_file_name(const at::Tensor& flat) const {
    Weights::Map canonical;
    for (const ParameterSlot& slot : model_->layout().slots()) {
      const std::span values(flat.data_ptr<float>() + slot.offset, static_cast<std::size_t>(slot.count));
      canonical[slot.name] = {DType::kFloat32, slot.shape, std::as_bytes(values)};
    }
    const Architecture& architecture = model_->architecture();
    const auto named =
        to_file_names(Weights(canonical, nullptr), *find_family(architecture.family), architecture);
    EXPECT_TRUE(named.has_value()) << (named ? "" : named.error().to_line());
    std::map<std::string, at::Tensor> tensors;
    if (!named) return tensors;
    for (const auto& [name, view] : named->tensors()) {
      at::Tensor tensor = at::empty({view.element_count()}, at::kFloat);
      widen_to_float32(view, {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())});
      tensors[name] = tensor;
    }
    return tensors;
  }
  std::unique_ptr<Transformer> model_;
};

TEST_P(TrainingParity, GivesTheReferencesLogits) {
  at::NoGradGuard no_gradients;
  const Json expected = read("expected.json");
  for (const Json& input : expected["forward"]) {
    PackedBatch batch;
    if (has_encoder()) batch.source_ids = input["input_ids"].get<Ids>();
    batch.source_offsets = {0, static_cast<std::int64_t>(batch.source_ids.size())};
    batch.decoder_ids = input[has_encoder() ? "decoder_input_ids" : "input_ids"].get<Ids>();
    batch.labels.assign(batch.decoder_ids.size(), 1);
    batch.target_offsets = {0, static_cast<std::int64_t>(batch.decoder_ids.size())};
    const at::Tensor logits = model_->logits(batch);
    const Json& summary = input["logits"];
    ASSERT_EQ(logits.size(0), summary["argmax"].size());
    const at::Tensor flat = logits.flatten();
    for (std::size_t i = 0; i < summary["first"].size(); ++i)
      EXPECT_NEAR(flat[static_cast<std::int64_t>(i)].item<float>(), summary["first"][i].get<float>(), 1e-4);
    for (std::int64_t position = 0; position < logits.size(0); ++position) {
      const auto at = static_cast<std::size_t>(position);
      EXPECT_EQ(logits[position].argmax().item<std::int64_t>(), summary["argmax"][at].get<std::int64_t>());
      EXPECT_NEAR(logits[position].logsumexp(0).item<float>(), summary["logsumexp"][at].get<float>(), 1e-4);
    }
    if (!summary.contains("last_position")) continue;
    const auto last = summary["last_position"].get<std::vector<float>>();
    EXPECT_LT((logits[-1] - at::tensor(last)).abs().max().item<float>(), 1e-4);
  }
}

TEST_P(TrainingParity, GivesTheReferencesLosses) {
  at::NoGradGuard no_gradients;
  const Json expected = read("expected.json");
  for (const Json& batch : expected["loss"]) {
    const double loss = batch["loss"].get<double>();
    EXPECT_NEAR(model_->loss(packed(batch), {}).item<double>(), loss, 1e-5 * loss);
  }
}

TEST_P(TrainingParity, GivesTheReferencesGradients) {
  const Json train = read("train.json");
  model_->loss(packed(train["batches"][0]), {}).backward();
  // Some true gradients are zero (of key biases): what the others' size makes of rounding is allowed to all.
  const double rounding = 1e-6 * gradient_norm(model_->gradients());
  const auto own = by_file_name(model_->gradients());
  std::size_t compared = 0;
  for (const auto& [name, gradient] : train["gradients_first_batch"].items()) {
    const auto found = own.find(name);
    ASSERT_NE(found, own.end()) << name;
    const double l2 = gradient["l2"].get<double>();
    EXPECT_NEAR(found->second.norm().item<double>(), l2, 1e-5 * l2 + rounding) << name;
    EXPECT_NEAR(found->second.to(at::kDouble).sum().item<double>(), gradient["sum"].get<double>(),
                1e-3 * l2 + rounding)
        << name;
    ++compared;
  }
  EXPECT_EQ(compared, own.size());
}

/// One run of train.json: the settings it names, and the losses, rates and norms they lead to.
struct ReferenceRun {
  explicit ReferenceRun(const Json& json)
      : losses(json["losses"].get<std::vector<double>>()),
        rates(json["lrs"].get<std::vector<double>>()),
        norms(json.value("grad_norms", std::vector<double>())),
        tolerance(std::max(1e-5, 4 * json["loss_rel_noise"].get<double>())),
        accumulation(json.value("gradient_accumulation", std::size_t{1})),
        max_norm(json.value("max_grad_norm", 0.0)),
        schedule(LrScheduleKind::kLinear, json["lr"].get<double>(),
                 json["schedule"]["warmup_steps"].get<std::int64_t>(),
                 json["schedule"]["total_steps"].get<std::int64_t>()) {
    optimizer.kind = json["optimizer"] == "Adam" ? OptimizerKind::kAdam : OptimizerKind::kAdamW;
    optimizer.weight_decay = json["weight_decay"].get<double>();
    optimizer.decay_bias_and_norm = json.value("decay", "").starts_with("every");
  }
  std::vector<double> losses, rates, norms;
  double tolerance;
  std::size_t accumulation;
  double max_norm;
  LrSchedule schedule;
  OptimizerSettings optimizer;
};

/// How far rounding alone may move the key part of a bias that is fused with those of queries and values: its
/// true gradient is zero, so Adam moves each element by up to the learning rate in a random direction. Where
/// key biases stand alone the reference leaves them out.
double fused_bias_noise(const std::string& name, const at::Tensor& bias, const std::vector<double>& rates) {
  if (!name.ends_with("c_attn.bias") && !name.ends_with("query_key_value.bias")) return 0.0;
  const double farthest = std::accumulate(rates.begin(), rates.end(), 0.0);
  return std::sqrt(static_cast<double>(bias.numel()) / 3) * farthest;
}

TEST_P(TrainingParity, RepeatsTheReferencesTrainingRuns) {
  const Json train = read("train.json");
  std::vector<PackedBatch> batches;
  for (const Json& batch : train["batches"]) batches.push_back(packed(batch));
  const at::Tensor initial = model_->parameters().clone();

  for (const Json& json : train["runs"]) {
    SCOPED_TRACE(json["name"].get<std::string>());
    const ReferenceRun run(json);
    model_->parameters().copy_(initial);
    const auto optimizer = make_optimizer(model_->layout(), run.optimizer);
    LossSettings settings;
    settings.factor = 1.0 / static_cast<double>(run.accumulation);
    std::size_t update = 0;
    for (std::size_t step = 0; step < batches.size(); ++step) {
      if (step % run.accumulation == 0) model_->gradients().zero_();
      const at::Tensor loss = model_->loss(batches[step], settings);
      EXPECT_NEAR(loss.item<double>() / settings.factor, run.losses[step], run.tolerance * run.losses[step])
          << "step " << step;
      loss.backward();
      if ((step + 1) % run.accumulation != 0) continue;
      const double rate = run.schedule.rate(static_cast<std::int64_t>(update));
      const double norm = gradient_norm(model_->gradients());
      EXPECT_NEAR(rate, run.rates[update], 1e-9);
      if (!run.norms.empty()) {
        EXPECT_NEAR(norm, run.norms[update], 1e-4 * norm);
      }
      optimizer->step(model_->parameters(), model_->gradients(), rate, clip_scale(norm, run.max_norm));
      ++update;
    }
    EXPECT_EQ(update, run.rates.size());
    const auto last = by_file_name(model_->parameters()),
               moved = by_file_name(model_->parameters() - initial);
    for (const auto& [name, parameter] : json["parameters"].items()) {
      ASSERT_TRUE(last.contains(name)) << name;
      const double l2 = parameter["l2"].get<double>(), delta = parameter["delta_l2"].get<double>();
      const double noise = fused_bias_noise(name, last.at(name), run.rates);
      EXPECT_NEAR(last.at(name).norm().item<double>(), l2, 1e-5 * l2 + noise) << name;
      EXPECT_NEAR(moved.at(name).norm().item<double>(), delta, 2e-3 * delta + noise) << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, TrainingParity,
                         ::testing::ValuesIn(epicrisis::testing::find_fixtures("", "train.json")),
                         [](const auto& fixture) { return epicrisis::testing::fixture_name(fixture.param); });

}  // namespace
}  // namespace epicrisis::train
