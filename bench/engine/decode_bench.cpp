// What one request waits for: time to first token, and time of a decode step beside what reading the weights
// takes at this machine's bandwidth.
//
//     decode_bench [--shape pegasus-large|flan-t5-base] [--dtype float32|bfloat16|int8] [--threads N]
//                  [--beams K] [--source N] [--new N] [--repetitions N]
//
// One JSON object. Times are wall times; `cpu` ones are the process' own, a thread's share, which a busy
// machine disturbs less.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "engine/engine.hpp"
#include "generation/top_candidates.hpp"
#include "model_shapes.hpp"

namespace epicrisis {
namespace {

/// Wall and processor time of something, in milliseconds.
struct Taken {
  double wall = 0;
  double cpu = 0;
};

double milliseconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6;
}

template <class Work>
Taken time_of(int threads, const Work& work) {
  const Taken start{milliseconds(CLOCK_MONOTONIC), milliseconds(CLOCK_PROCESS_CPUTIME_ID)};
  work();
  return {milliseconds(CLOCK_MONOTONIC) - start.wall,
          (milliseconds(CLOCK_PROCESS_CPUTIME_ID) - start.cpu) / threads};
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::uint64_t read_all(const std::uint64_t* words, std::size_t count) {
  constexpr std::size_t kLanes = 32;
  std::uint64_t sums[kLanes] = {};
  for (std::size_t i = 0; i + kLanes <= count; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) sums[lane] += words[i + lane];
  std::uint64_t sum = 0;
  for (const std::uint64_t lane : sums) sum += lane;
  return sum;
}

/// Bytes a millisecond that `threads` read together; the best of some passes, by wall and by processor time.
Taken read_bandwidth(int threads) {
  constexpr std::size_t kWords = std::size_t{48} << 20;
  const std::vector<std::uint64_t> words(kWords, 1);
  const std::size_t share = kWords / static_cast<std::size_t>(threads);
  Taken best;
  for (int pass = 0; pass < 7; ++pass) {
    std::vector<std::uint64_t> sums(static_cast<std::size_t>(threads));
    const Taken taken = time_of(threads, [&] {
      std::vector<std::thread> readers;
      for (std::size_t t = 0; t < sums.size(); ++t)
        readers.emplace_back([&, t] { sums[t] = read_all(words.data() + t * share, share); });
      for (std::thread& reader : readers) reader.join();
    });
    for (const std::uint64_t sum : sums)
      if (sum != share / 32 * 32) std::abort();
    const double bytes = static_cast<double>(kWords * sizeof(std::uint64_t));
    best = {std::max(best.wall, bytes / taken.wall), std::max(best.cpu, bytes / taken.cpu)};
  }
  return best;
}

struct Run {
  Taken first_token;
  std::vector<double> wall_steps;
  std::vector<double> cpu_steps;
};

/// Greedy steps where `beams` is 1; else every beam continues another one each step.
Run run_once(const Engine& engine, int beams, int source_tokens, int new_tokens, int threads) {
  const Architecture& a = engine.architecture();
  std::vector<TokenId> source;
  for (int i = 0; i < source_tokens; ++i) source.push_back(10 + (i * 7919) % (a.vocab_size - 20));
  const auto vocab_size = static_cast<std::size_t>(a.vocab_size);
  std::vector<float> logits(vocab_size);
  std::vector<TokenId> tokens(static_cast<std::size_t>(beams), 0);
  std::vector<HypothesisStep> rows;
  const auto session = engine.start_session().value();
  SourceId id = 0;
  Run run;
  run.first_token = time_of(threads, [&] {
    id = session->add(std::vector<std::vector<TokenId>>{source}).value().front();
    rows = {{id, -1, {tokens.data(), 1}}};
    if (!session->step(rows, logits)) std::abort();
    std::fill(tokens.begin(), tokens.end(), arg_max(logits));
  });
  logits.resize(vocab_size * tokens.size());
  for (int step = 1; step < new_tokens; ++step) {
    rows.clear();
    for (int beam = 0; beam < beams; ++beam)
      rows.push_back(
          {id, step == 1 ? 0 : (beam * 3 + step) % beams, {&tokens[static_cast<std::size_t>(beam)], 1}});
    const Taken taken = time_of(threads, [&] {
      if (!session->step(rows, logits)) std::abort();
      for (std::size_t beam = 0; beam < tokens.size(); ++beam)
        tokens[beam] = arg_max(std::span(logits).subspan(beam * vocab_size, vocab_size));
    });
    run.wall_steps.push_back(taken.wall);
    run.cpu_steps.push_back(taken.cpu);
  }
  return run;
}

int usage(const std::string& what) {
  fmt::print(stderr, "decode_bench: {}\n", what);
  return 2;
}

int number(std::map<std::string, std::string>& options, const std::string& name) {
  return std::max(1, std::atoi(options[name].c_str()));
}

int run_bench(std::map<std::string, std::string>& options) {
  const auto architecture = bench::shape_named(options["--shape"]);
  if (!architecture) return usage("--shape is pegasus-large or flan-t5-base");
  const auto type = parse_compute_type(options["--dtype"]);
  if (!type) return usage("--dtype is float32, bfloat16 or int8");
  const int threads = number(options, "--threads");
  const int source_tokens = number(options, "--source");
  const Taken bandwidth = read_bandwidth(threads);
  const DType stored = *type == ComputeType::kBFloat16 ? DType::kBFloat16 : DType::kFloat32;
  std::shared_ptr<const Engine> engine;
  Checkpoint checkpoint = bench::checkpoint_of_shape(*architecture, stored);
  const Taken loading = time_of(threads, [&] {
    engine = Engine::load(std::move(checkpoint), {.type = *type, .threads = threads}).value();
  });
  Run all;
  std::vector<double> first_wall;
  std::vector<double> first_cpu;
  for (int i = 0; i < number(options, "--repetitions"); ++i) {
    const Run run =
        run_once(*engine, number(options, "--beams"), source_tokens, number(options, "--new"), threads);
    first_wall.push_back(run.first_token.wall);
    first_cpu.push_back(run.first_token.cpu);
    all.wall_steps.insert(all.wall_steps.end(), run.wall_steps.begin(), run.wall_steps.end());
    all.cpu_steps.insert(all.cpu_steps.end(), run.cpu_steps.begin(), run.cpu_steps.end());
  }
  const double weight_bytes = *type == ComputeType::kInt8 ? 1 : *type == ComputeType::kBFloat16 ? 2 : 4;
  const double bytes = bench::bytes_of_a_step(*architecture, source_tokens, weight_bytes);
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const double best_wall = *std::min_element(all.wall_steps.begin(), all.wall_steps.end());
  const double best_cpu = *std::min_element(all.cpu_steps.begin(), all.cpu_steps.end());
  fmt::print(
      R"({{"shape":"{}","dtype":"{}","threads":{},"beams":{},"load_ms":{:.0f},"read_gb_s":{:.1f},"read_gb_s_cpu":{:.1f},"limit_ms_step":{:.2f},)"
      R"("ms_step":{:.2f},"best_ms_step":{:.2f},"cpu_ms_step":{:.2f},"best_cpu_ms_step":{:.2f},"bandwidth_share":{:.3f},)"
      R"("bandwidth_share_cpu":{:.3f},"first_token_ms":{:.0f},"best_first_token_cpu_ms":{:.0f},"peak_mb":{}}})"
      "\n",
      options["--shape"], to_string(*type), threads, number(options, "--beams"), loading.wall,
      bandwidth.wall * 1e-6, bandwidth.cpu * 1e-6, bytes / bandwidth.wall, median(all.wall_steps), best_wall,
      median(all.cpu_steps), best_cpu, bytes / bandwidth.wall / median(all.wall_steps),
      bytes / bandwidth.cpu / median(all.cpu_steps), median(first_wall),
      *std::min_element(first_cpu.begin(), first_cpu.end()), used.ru_maxrss / 1024);
  return 0;
}

}  // namespace
}  // namespace epicrisis

int main(int argc, char** argv) {
  std::map<std::string, std::string> options = {
      {"--shape", "flan-t5-base"}, {"--dtype", "int8"}, {"--threads", "1"},    {"--beams", "1"},
      {"--source", "512"},         {"--new", "64"},     {"--repetitions", "3"}};
  for (int i = 1; i < argc; i += 2) {
    if (options.find(argv[i]) == options.end() || i + 1 == argc)
      return epicrisis::usage(fmt::format("what is {}?", argv[i]));
    options[argv[i]] = argv[i + 1];
  }
  return epicrisis::run_bench(options);
}
