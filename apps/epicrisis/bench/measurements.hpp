#pragma once

#include "base/result.hpp"
#include "bench/bench_options.hpp"
#include "engine/engine.hpp"

namespace epicrisis::bench {

/// One request alone: medians over its repetitions.
struct Latency {
  double encode_seconds = 0;       ///< Until the source is read; of decoder-only models with the first token.
  double first_token_seconds = 0;  ///< Until the first token is chosen.
  double step_seconds = 0;         ///< Of each token after it; each beam writes one.
};

/// Many requests of different lengths, as many at once as the engine likes.
struct Throughput {
  int requests = 0;
  double requests_per_second = 0;
  double tokens_per_second = 0;  ///< Of the results: one of all beams.
  /// What the machine's limits allow at least: the larger of the time to multiply and the time to read.
  double operations = 0;
  double bytes = 0;
};

/// Reads a source of random tokens and writes exactly as many tokens as `load` says; greedy where `beams` is
/// 1. Errors: what the engine reports.
Result<Latency> measure_latency(const Engine& engine, int beams, const Load& load);

/// Errors: likewise.
Result<Throughput> measure_throughput(const Engine& engine, int beams, const Load& load);

/// The most memory that this process has had resident, in bytes; 0 where the system does not tell.
double peak_rss_bytes();

}  // namespace epicrisis::bench
