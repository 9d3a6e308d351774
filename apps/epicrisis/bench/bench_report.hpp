#pragma once

#include <string>

#include "bench/bench_options.hpp"
#include "bench/measurements.hpp"
#include "checkpoint/architecture.hpp"
#include "engine/machine_limits.hpp"

namespace epicrisis::bench {

/// What was measured of one model with one number of beams.
struct BenchResult {
  std::string model;
  std::string instruction_set;
  const Architecture* architecture = nullptr;
  ComputeType type = ComputeType::kFloat32;
  int threads = 1;
  int beams = 1;
  Load load;
  MachineLimits limits;
  double load_seconds = 0;
  Latency latency;
  Throughput throughput;
  double peak_rss_bytes = 0;        ///< Of requests alone.
  double mixed_peak_rss_bytes = 0;  ///< Of the mixed load; of the largest one so far.
};

/// One JSON object and a line feed; docs/cli.md names the keys.
std::string json_line(const BenchResult& result);

/// What the machine does at most, and what "limit" means in the tables that follow.
std::string table_heading(const BenchResult& result);
/// Each figure beside its limit.
std::string table(const BenchResult& result);

}  // namespace epicrisis::bench
