#pragma once

#include <string>
#include <vector>

#include "engine/compute_type.hpp"

namespace epicrisis::bench {

/// What `epicrisis bench` measures.
struct BenchOptions {
  std::string model;  ///< A model reference, unless `shape` is given.
  std::string shape;  ///< One of kPublishedShapes: random weights.
  ComputeType type = ComputeType::kFloat32;
  int threads = 0;               ///< 0: one a processor.
  std::vector<int> beams = {1};  ///< Each is measured.
  bool is_short = false;
  bool json = false;
};

/// Lengths and counts of the measured load.
struct Load {
  int source_tokens = 512;
  int new_tokens = 64;
  int repetitions = 5;
  int requests = 64;  ///< Of the mixed load: sources of 64 to 768 tokens, outputs of 16 to 96.
};

inline Load load_of(const BenchOptions& options) { return options.is_short ? Load{512, 24, 1, 8} : Load{}; }

}  // namespace epicrisis::bench
