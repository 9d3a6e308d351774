#pragma once

#include "engine/compute_type.hpp"

namespace epicrisis {

/// What a machine does at most, with all of some threads together.
struct MachineLimits {
  double read_bytes_per_second = 0;  ///< From memory, in order.
  double operations_per_second = 0;  ///< Multiplications and additions of products.
};

/// Measures this machine: the best of several passes, by wall time; about a second. Reading is that of 256
/// MiB, more than caches hold, by the fastest of several loops; operations are those of dot products in
/// registers, which no product of matrices can pass. Throws std::bad_alloc.
MachineLimits measure_machine_limits(ComputeType type, int threads);

}  // namespace epicrisis
