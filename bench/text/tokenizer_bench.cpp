#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "text/sentences/sentence_splitter.hpp"
#include "text/tokenizer.hpp"

// The tokenizer that EPICRISIS_TOKENIZER names (default: the small one kept for tests) on notes of realistic
// lengths.
namespace epicrisis {
namespace {

std::filesystem::path tokenizer_folder() {
  const char* named = std::getenv("EPICRISIS_TOKENIZER");
  return named != nullptr
             ? std::filesystem::path(named)
             : std::filesystem::path(EPICRISIS_SOURCE_DIR) / "tests/data/fixtures/pegasus/xsum-like";
}

/// About `words` words of a nursing note.
std::string note_of(std::int64_t words) {
  const std::string part =
      "72 y/o male admitted with chest pain since 0600, radiating to the left arm. BP 142/88, HR 96, SpO2 94 "
      "% on room "
      "air, temp 37.2 \u00B0C. Nitroglycerin 0.4 mg SL \u00D73 without relief; aspirin 325 mg given. ECG "
      "shows ST "
      "elevation in V2\u2013V4. Denies nausea. Cath lab notified, family at bedside. ";
  std::string note;
  for (std::int64_t count = 0; count < words; count += 50) note += part;
  return note;
}

void BM_Load(benchmark::State& state) {
  for (auto _ : state) {
    auto tokenizer = Tokenizer::load(tokenizer_folder());
    if (!tokenizer) return state.SkipWithError(tokenizer.error().to_line().c_str());
    benchmark::DoNotOptimize(tokenizer);
  }
}
BENCHMARK(BM_Load)->Unit(benchmark::kMillisecond);

void BM_Encode(benchmark::State& state) {
  const auto tokenizer = Tokenizer::load(tokenizer_folder());
  if (!tokenizer) return state.SkipWithError(tokenizer.error().to_line().c_str());
  const std::string note = note_of(state.range(0));
  std::size_t tokens = 0;
  for (auto _ : state) tokens += tokenizer->encode(note).ids.size();
  state.counters["tokens/s"] = benchmark::Counter(static_cast<double>(tokens), benchmark::Counter::kIsRate);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(note.size()));
}
BENCHMARK(BM_Encode)->ArgName("words")->Arg(60)->Arg(400)->Arg(3000);

void BM_Decode(benchmark::State& state) {
  const auto tokenizer = Tokenizer::load(tokenizer_folder());
  if (!tokenizer) return state.SkipWithError(tokenizer.error().to_line().c_str());
  const auto ids = tokenizer->encode(note_of(state.range(0))).ids;
  for (auto _ : state) benchmark::DoNotOptimize(tokenizer->decode(ids));
  state.counters["tokens/s"] = benchmark::Counter(
      static_cast<double>(ids.size()) * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_Decode)->ArgName("words")->Arg(60);

void BM_SplitSentences(benchmark::State& state) {
  const std::string note = note_of(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(split_sentences(note));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(note.size()));
}
BENCHMARK(BM_SplitSentences)->ArgName("words")->Arg(400);

}  // namespace
}  // namespace epicrisis
