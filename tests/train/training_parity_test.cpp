// The LibTorch module against the reference implementation: logits, losses, and whole training runs.
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <cmath>

#include "base/json.hpp"
#include "checkpoint/checkpoint.hpp"
#include "support/fixtures.hpp"
#include "train/adam.hpp"
#include "train/lr_schedule.hpp"
#include "train/transformer.hpp"

namespace epicrisis::train {
namespace {
namespace fs = std::filesystem;

using data::PackedBatch;
using data::ShiftTokens;
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
  ShiftTokens shift() const {
    return {model_->architecture().decoder_start_token_id, model_->architecture().pad_token_id};
  }
  /// A padded batch of the fixtures, packed.
  PackedBatch packed(const Json& batch) const {
    PackedBatch result;
    for (std::size_t row = 0; row < batch["input_ids"].size(); ++row) {
      const auto padded = batch["input_ids"][row].get<Ids>();
      const auto mask = batch["attention_mask"][row].get<std::vector<int>>();
      Ids source;
      for (std::size_t i = 0; i < padded.size(); ++i)
        if (mask[i] != 0) source.push_back(padded[i]);
      append_pair(result, source, batch["labels"][row].get<Ids>(), shift());
    }
    return result;
  }
  std::unique_ptr<Transformer> model_;
};

TEST_P(TrainingParity, GivesTheReferencesLogits) {
  at::NoGradGuard no_gradients;
  const Json expected = read("expected.json");
  for (const Json& input : expected["forward"]) {
    PackedBatch batch;
    batch.source_ids = input["input_ids"].get<Ids>();
    batch.source_offsets = {0, static_cast<std::int64_t>(batch.source_ids.size())};
    batch.decoder_ids = input["decoder_input_ids"].get<Ids>();
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
  double squares = 0;
  for (const auto& [name, gradient] : train["gradients_first_batch"].items()) {
    if (name.find("embed_tokens") != std::string::npos || name.find("lm_head") != std::string::npos)
      continue;  // tied
    squares += std::pow(gradient["l2"].get<double>(), 2);
  }
  EXPECT_NEAR(gradient_norm(model_->gradients()), std::sqrt(squares), 1e-5 * std::sqrt(squares));
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
    adam.kind = json["optimizer"] == "Adam" ? OptimizerKind::kAdam : OptimizerKind::kAdamW;
    adam.weight_decay = json["weight_decay"].get<double>();
    adam.decay_bias_and_norm = json.value("decay", "").starts_with("every");
  }
  std::vector<double> losses, rates, norms;
  double tolerance;
  std::size_t accumulation;
  double max_norm;
  LrSchedule schedule;
  AdamSettings adam;
};

TEST_P(TrainingParity, RepeatsTheReferencesTrainingRuns) {
  const Json train = read("train.json");
  std::vector<PackedBatch> batches;
  for (const Json& batch : train["batches"]) batches.push_back(packed(batch));
  const at::Tensor initial = model_->parameters().clone();

  for (const Json& json : train["runs"]) {
    SCOPED_TRACE(json["name"].get<std::string>());
    const ReferenceRun run(json);
    model_->parameters().copy_(initial);
    Adam optimizer(model_->layout(), run.adam);
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
      optimizer.step(model_->parameters(), model_->gradients(), rate, clip_scale(norm, run.max_norm));
      ++update;
    }
    EXPECT_EQ(update, run.rates.size());
    const double moved = gradient_norm(model_->parameters() - initial);
    double squares = 0;
    for (const auto& [name, parameter] : json["parameters"].items())
      squares += std::pow(parameter["delta_l2"].get<double>(), 2);
    // Key biases have no true gradient, so Adam moves them by rounding noise and the reference leaves them
    // out.
    EXPECT_GE(moved, std::sqrt(squares) * (1 - 2e-3));
    EXPECT_LE(moved, std::sqrt(squares) * 1.05);
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, TrainingParity,
                         ::testing::ValuesIn(epicrisis::testing::find_fixtures("pegasus", "train.json")),
                         [](const auto& fixture) { return epicrisis::testing::fixture_name(fixture.param); });

}  // namespace
}  // namespace epicrisis::train
