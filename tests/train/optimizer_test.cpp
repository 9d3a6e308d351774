// Every optimizer against the published formulas, written out in double precision.
#include "train/optimizer.hpp"

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <cmath>
#include <map>
#include <memory>
#include <string>

#include "support/random_checkpoint.hpp"
#include "train/ops/ops.hpp"
#include "train/trained_parameters.hpp"

namespace epicrisis::train {
namespace {

using at::Tensor;

Tensor random(std::int64_t count, std::uint64_t seed) {
  return at::randn({count}, at::detail::createCPUGenerator(seed));
}

/// One tensor of the family's files: what the reference updates as one.
struct FileTensor {
  std::vector<ParameterSlot> slots;
  Tensor in(const Tensor& flat, bool gradients) const {
    std::vector<Tensor> parts;
    for (const ParameterSlot& slot : slots)
      parts.push_back(
          flat.narrow(0, gradients ? slot.gradient_offset : slot.offset, slot.count).view(slot.shape));
    return at::cat(parts).to(at::kDouble);
  }
};

std::map<std::string, FileTensor> file_tensors(const ParameterLayout& layout) {
  std::map<std::string, FileTensor> tensors;
  for (const ParameterSlot& slot : layout.slots())
    if (slot.trained) tensors[slot.file_name].slots.push_back(slot);
  return tensors;
}

/// What the reference keeps of one tensor.
struct ReferenceState {
  Tensor first, second, rows, columns;
};

struct StepSettings {
  OptimizerSettings optimizer;
  double rate = 0, scale = 1, step = 1;
};

Tensor reference_adam(const Tensor& parameter, Tensor gradient, const StepSettings& settings, double decay,
                      ReferenceState& state) {
  const OptimizerSettings& own = settings.optimizer;
  Tensor start = parameter;
  if (own.kind == OptimizerKind::kAdam)
    gradient = gradient + decay * parameter;
  else
    start = parameter * (1 - settings.rate * decay);
  if (!state.first.defined()) state.first = state.second = at::zeros_like(parameter);
  state.first = own.beta1 * state.first + (1 - own.beta1) * gradient;
  state.second = own.beta2 * state.second + (1 - own.beta2) * gradient * gradient;
  const Tensor mean = state.first / (1 - std::pow(own.beta1, settings.step));
  const Tensor square = state.second / (1 - std::pow(own.beta2, settings.step));
  return start - settings.rate * mean / (square.sqrt() + own.epsilon);
}

/// Shazeer and Stern 2018, algorithms 4 and 5 with an absolute rate.
Tensor reference_adafactor(const Tensor& parameter, const Tensor& gradient, const StepSettings& settings,
                           double decay, ReferenceState& state) {
  const double keep = 1 - std::pow(settings.step, -0.8);
  const Tensor square = gradient * gradient + 1e-30;
  Tensor update;
  if (parameter.dim() == 2) {
    if (!state.rows.defined()) {
      state.rows = at::zeros({parameter.size(0), 1}, at::kDouble);
      state.columns = at::zeros({1, parameter.size(1)}, at::kDouble);
    }
    state.rows = keep * state.rows + (1 - keep) * square.mean(1, true);
    state.columns = keep * state.columns + (1 - keep) * square.mean(0, true);
    update = gradient / (state.rows.matmul(state.columns) / state.rows.mean()).sqrt();
  } else {
    if (!state.second.defined()) state.second = at::zeros_like(parameter);
    state.second = keep * state.second + (1 - keep) * square;
    update = gradient / state.second.sqrt();
  }
  const double size = std::sqrt(update.square().mean().item<double>());
  return parameter * (1 - settings.rate * decay) - settings.rate * update / std::max(1.0, size);
}

Tensor reference_step(const Tensor& parameter, const Tensor& gradient, const StepSettings& settings,
                      double decay, ReferenceState& state) {
  switch (settings.optimizer.kind) {
    case OptimizerKind::kSgd:
      return parameter - settings.rate * (gradient + decay * parameter);
    case OptimizerKind::kAdafactor:
      return reference_adafactor(parameter, gradient, settings, decay, state);
    default:
      return reference_adam(parameter, gradient, settings, decay, state);
  }
}

struct OptimizerCase {
  std::string name;
  OptimizerKind kind;
};

class EveryOptimizer : public ::testing::TestWithParam<OptimizerCase> {
 protected:
  OptimizerSettings settings() const {
    OptimizerSettings settings;
    settings.kind = GetParam().kind;
    settings.weight_decay = 0.1;
    return settings;
  }
};

void expect_reference_steps(const ParameterLayout& layout, const OptimizerSettings& settings) {
  const auto optimizer = make_optimizer(layout, settings);
  Tensor parameters = random(layout.total(), 1);
  const auto tensors = file_tensors(layout);
  std::map<std::string, ReferenceState> states;
  std::map<std::string, Tensor> expected;
  for (const auto& [name, tensor] : tensors) expected[name] = tensor.in(parameters, false);
  for (int step = 1; step <= 6; ++step) {
    const Tensor gradients =
        random(layout.trained_total(), static_cast<std::uint64_t>(step) + 10) * (step == 3 ? 20.0 : 0.5);
    const StepSettings now{settings, 0.01 / step, step == 4 ? 0.25 : 1.0, static_cast<double>(step)};
    optimizer->step(parameters, gradients.clone(), now.rate, now.scale);
    for (const auto& [name, tensor] : tensors) {
      const double decay = tensor.slots.front().is_bias_or_norm() ? 0.0 : settings.weight_decay;
      expected[name] =
          reference_step(expected[name], tensor.in(gradients, true) * now.scale, now, decay, states[name]);
      // Some 20 roundings of 6e-8 a step, relative to parameters of up to 5 and updates of up to 0.01.
      EXPECT_LT((tensor.in(parameters, false) - expected[name]).abs().max().item<double>(), 2e-6 * step)
          << name << " step " << step;
    }
  }
}

TEST_P(EveryOptimizer, TakesTheStepsOfThePublishedFormulas) {
  expect_reference_steps(*ParameterLayout::create(testing::t5_architecture(31, 12, 2, 2, 20)), settings());
}

/// As on devices that our kernels do not run on.
TEST_P(EveryOptimizer, TakesThemAsOperationsOfLibTorchToo) {
  ops::set_kernels_enabled(false);
  expect_reference_steps(*ParameterLayout::create(testing::t5_architecture(31, 12, 2, 2, 20)), settings());
  expect_reference_steps(*ParameterLayout::create(testing::gpt2_architecture(31, 12, 1, 2, 20, 16)),
                         settings());
  ops::set_kernels_enabled(true);
}

TEST(Optimizer, MeasuresTheNormAsAnOperationOfLibTorchToo) {
  const Tensor gradients = random(100'000, 3);
  const double norm = gradient_norm(gradients);
  ops::set_kernels_enabled(false);
  EXPECT_NEAR(gradient_norm(gradients), norm, 1e-6 * norm);  // sums of squares are float32 in part
  ops::set_kernels_enabled(true);
}

TEST_P(EveryOptimizer, TakesFusedMatricesAsTheFilesHaveThem) {
  expect_reference_steps(*ParameterLayout::create(testing::gpt2_architecture(31, 12, 1, 2, 20, 16)),
                         settings());
  expect_reference_steps(*ParameterLayout::create(testing::bloom_architecture(31, 12, 1, 2, 48)), settings());
}

TEST_P(EveryOptimizer, LeavesFrozenParametersAlone) {
  const Architecture architecture = testing::pegasus_architecture(31, 12, 1, 2, 20, 16);
  const ParameterLayout layout = *trained_layout(architecture, {{"encoder", "embeddings"}, {}});
  expect_reference_steps(layout, settings());
  const auto optimizer = make_optimizer(layout, settings());
  const Tensor before = random(layout.total(), 1);
  Tensor parameters = before.clone();
  optimizer->step(parameters, random(layout.trained_total(), 2), 0.1, 1.0);
  for (const ParameterSlot& slot : layout.slots()) {
    const bool same =
        at::equal(parameters.narrow(0, slot.offset, slot.count), before.narrow(0, slot.offset, slot.count));
    EXPECT_EQ(same, !slot.trained) << slot.name;
  }
}

TEST_P(EveryOptimizer, GoesOnFromItsStateToTheBit) {
  const ParameterLayout layout = *ParameterLayout::create(testing::gpt2_architecture(31, 12, 1, 2, 20, 16));
  const auto whole = make_optimizer(layout, settings());
  Tensor parameters = random(layout.total(), 1);
  const auto gradients = [&](std::uint64_t step) { return random(layout.trained_total(), step + 10); };
  for (std::uint64_t step = 0; step < 3; ++step) whole->step(parameters, gradients(step), 0.01, 1.0);

  const auto resumed = make_optimizer(layout, settings());
  Tensor copy = parameters.clone();
  const auto saved = whole->state(), restored = resumed->state();
  ASSERT_EQ(saved.size(), restored.size());
  for (std::size_t i = 0; i < saved.size(); ++i) {
    EXPECT_EQ(saved[i].name, restored[i].name);
    restored[i].values.copy_(saved[i].values);
  }
  resumed->set_steps(whole->steps());
  for (std::uint64_t step = 3; step < 6; ++step) {
    whole->step(parameters, gradients(step), 0.01, 1.0);
    resumed->step(copy, gradients(step), 0.01, 1.0);
  }
  EXPECT_TRUE(at::equal(parameters, copy));
}

INSTANTIATE_TEST_SUITE_P(Kinds, EveryOptimizer,
                         ::testing::Values(OptimizerCase{"adam", OptimizerKind::kAdam},
                                           OptimizerCase{"adamw", OptimizerKind::kAdamW},
                                           OptimizerCase{"sgd", OptimizerKind::kSgd},
                                           OptimizerCase{"adafactor", OptimizerKind::kAdafactor}),
                         [](const auto& named) { return named.param.name; });

TEST(Optimizer, NamesTheNearestOne) {
  EXPECT_EQ(*parse_optimizer("adamw_torch"), OptimizerKind::kAdamW);
  const auto unknown = parse_optimizer("adafator");
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().public_message.find("did you mean adafactor?"), std::string::npos);
}

TEST(Optimizer, AdafactorRemembersRowsAndColumnsOnly) {
  const ParameterLayout layout = *ParameterLayout::create(testing::t5_architecture(500, 64, 2, 4, 128));
  OptimizerSettings settings;
  settings.kind = OptimizerKind::kAdafactor;
  std::int64_t remembered = 0;
  for (const OptimizerState& part : make_optimizer(layout, settings)->state())
    remembered += part.values.numel();
  EXPECT_LT(remembered, layout.total() / 20);
}

}  // namespace
}  // namespace epicrisis::train
