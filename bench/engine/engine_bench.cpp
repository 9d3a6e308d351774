// Encoding and decoding with a Pegasus of ten million random parameters, the size of the models we ship, and
// reading prompts with decoder-only models as large.
#include <benchmark/benchmark.h>

#include <cmath>
#include <memory>
#include <vector>

#include "checkpoint/checkpoint.hpp"
#include "engine/engine.hpp"
#include "support/random_checkpoint.hpp"

namespace epicrisis {
namespace {

constexpr int kTargetTokens = 32;

const Architecture& architecture() {
  static const Architecture small = testing::pegasus_architecture(8000, 256, 4, 4, 1024, 1024);
  return small;
}

DType stored_as(std::int64_t bfloat16) { return bfloat16 != 0 ? DType::kBFloat16 : DType::kFloat32; }

const Engine& engine(std::int64_t bfloat16) {
  static const auto wide = Engine::load(testing::random_checkpoint(architecture(), 1, stored_as(0))).value();
  static const auto narrow =
      Engine::load(testing::random_checkpoint(architecture(), 1, stored_as(1))).value();
  return bfloat16 != 0 ? *narrow : *wide;
}

/// Sources as long as notes are: from forty tokens (a finding) to some six hundred (a consult), most near a
/// hundred.
std::vector<std::vector<TokenId>> notes(int count) {
  std::vector<std::vector<TokenId>> sources;
  for (int i = 0; i < count; ++i) {
    const double quantile = (i + 0.5) / count;
    const int length = count == 1 ? 96 : static_cast<int>(40 * std::pow(15.0, quantile * quantile));
    sources.push_back(testing::random_source(architecture(), length, static_cast<std::uint32_t>(i)));
  }
  return sources;
}

void BM_Load(benchmark::State& state) {
  const Checkpoint checkpoint = testing::random_checkpoint(architecture(), 1, stored_as(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(Engine::load(checkpoint).value());
}
BENCHMARK(BM_Load)->Arg(0)->Arg(1)->ArgName("bf16")->Unit(benchmark::kMillisecond)->UseRealTime();

void BM_Encode(benchmark::State& state) {
  const auto sources = notes(static_cast<int>(state.range(0)));
  std::int64_t tokens = 0;
  for (const auto& source : sources) tokens += static_cast<std::int64_t>(source.size());
  for (auto _ : state) {
    auto session = engine(state.range(1)).start_session().value();
    if (!session->add(sources)) return state.SkipWithError("add failed");
  }
  state.counters["tokens/s"] =
      benchmark::Counter(static_cast<double>(tokens), benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(BM_Encode)
    ->ArgsProduct({{1, 32}, {0, 1}})
    ->ArgNames({"notes", "bf16"})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

/// Decodes kTargetTokens with `beams` hypotheses a note; every step, each beam continues another one's cache.
void BM_Decode(benchmark::State& state) {
  const auto sources = notes(static_cast<int>(state.range(0)));
  const int beams = static_cast<int>(state.range(1));
  const std::size_t rows = sources.size() * static_cast<std::size_t>(beams);
  std::vector<float> logits(rows * static_cast<std::size_t>(architecture().vocab_size));
  const std::vector<TokenId> token{17};
  for (auto _ : state) {
    state.PauseTiming();
    auto session = engine(state.range(2)).start_session().value();
    const auto ids = session->add(sources).value();
    state.ResumeTiming();
    for (int step = 0; step < kTargetTokens; ++step) {
      std::vector<HypothesisStep> steps;
      for (std::size_t i = 0; i < ids.size(); ++i) {
        for (int beam = 0; beam < beams; ++beam) {
          const int parent = static_cast<int>(i) * beams + (beam * 3 + step) % beams;
          steps.push_back({ids[i], step == 0 ? -1 : parent, token});
        }
      }
      if (!session->step(steps, logits)) return state.SkipWithError("step failed");
    }
  }
  state.counters["rows*tokens/s"] = benchmark::Counter(static_cast<double>(rows) * kTargetTokens,
                                                       benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(BM_Decode)
    ->ArgsProduct({{1}, {1, 4, 8}, {0, 1}})
    ->ArgsProduct({{32}, {1, 4}, {0, 1}})
    ->ArgNames({"notes", "beams", "bf16"})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

/// The first step of decoder-only models of the same size, whose prompts are the notes: GPT-2, or BLOOM with
/// ALiBi.
void BM_Prompt(benchmark::State& state) {
  const bool alibi = state.range(1) != 0;
  const Architecture decoder_only = alibi ? testing::bloom_architecture(8000, 256, 4, 4, 1024)
                                          : testing::gpt2_architecture(8000, 256, 4, 4, 1024, 1024);
  const auto model = Engine::load(testing::random_checkpoint(decoder_only, 1)).value();
  const auto prompts = notes(static_cast<int>(state.range(0)));
  std::int64_t tokens = 0;
  for (const auto& prompt : prompts) tokens += static_cast<std::int64_t>(prompt.size());
  std::vector<float> logits(prompts.size() * static_cast<std::size_t>(decoder_only.vocab_size));
  for (auto _ : state) {
    auto session = model->start_session().value();
    const auto ids = session->add(prompts).value();
    std::vector<HypothesisStep> steps;
    for (std::size_t i = 0; i < ids.size(); ++i) steps.push_back({ids[i], -1, prompts[i]});
    if (!session->step(steps, logits)) return state.SkipWithError("step failed");
  }
  state.counters["tokens/s"] =
      benchmark::Counter(static_cast<double>(tokens), benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(BM_Prompt)
    ->ArgsProduct({{1, 32}, {0, 1}})
    ->ArgNames({"notes", "alibi"})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace epicrisis
