#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.hpp"
#include "train/distributed/process_place.hpp"

namespace epicrisis::train {

/// What a process handed over to collective operations: payload, not what an algorithm sends for it
/// (docs/scaling.md).
struct Traffic {
  std::int64_t gradient_bytes = 0;
  std::int64_t control_bytes = 0;  ///< Counts, losses, scores, requests to stop.
  std::int64_t start_bytes = 0;    ///< Parameters and optimizer state that rank 0 gave out.
  std::int64_t collectives = 0;
};

/// The processes that train one model together, over LibTorch's c10d (Gloo; gradients on CUDA devices over
/// NCCL). All must call the same operations in the same order. A process alone has none to wait for: every
/// operation is then nothing. Errors of all operations: kUnavailable when another process is gone
/// (is_lost_contact()), after which none works any more. Not thread-safe.
class ProcessGroup {
 public:
  /// A process alone.
  ProcessGroup();
  /// Waits until all processes are there. Errors: kUnavailable.
  static Result<ProcessGroup> join(const ProcessPlace& place);
  ProcessGroup(ProcessGroup&&) noexcept;
  ProcessGroup& operator=(ProcessGroup&&) noexcept;
  ~ProcessGroup();

  int rank() const noexcept { return place_.rank; }
  int size() const noexcept { return place_.size; }
  bool is_main() const noexcept { return place_.rank == 0; }
  const ProcessPlace& place() const noexcept { return place_; }
  /// Whether part `index` of work that is shared out in turn is this process's.
  bool takes(std::size_t index) const noexcept {
    return index % static_cast<std::size_t>(size()) == static_cast<std::size_t>(rank());
  }

  /// Every value becomes its sum over all processes, the same bits everywhere.
  Result<void> sum(std::span<double> values);
  /// Whether any process said so.
  Result<bool> any(bool said);
  Result<void> wait_for_all();
  /// Gives everyone what rank 0 has.
  Result<void> share(std::span<double> values);
  Result<void> share(std::string& text);
  /// Precondition: contiguous, of the same shape everywhere.
  Result<void> share(at::Tensor tensor);

  /// Begins to sum `part`, contiguous float32, in place; it must not be touched until finish_sums(). In the
  /// order they are begun, parts correspond to each other across processes.
  Result<void> begin_sum(at::Tensor part);
  Result<void> finish_sums();

  const Traffic& traffic() const noexcept { return traffic_; }

 private:
  struct Connection;
  ProcessGroup(const ProcessPlace& place, std::unique_ptr<Connection> connection);
  ProcessPlace place_;
  std::unique_ptr<Connection> connection_;  // null for a process alone
  Traffic traffic_;
};

/// Whether the error is that another process of the run is gone.
bool is_lost_contact(const Error& error);

}  // namespace epicrisis::train
