#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>

#include "base/result.hpp"
#include "train/distributed/process_group.hpp"

namespace epicrisis::train {

/// Sums gradients over processes while backward still computes others (Li et al. 2020, "PyTorch Distributed:
/// Experiences on Accelerating Data Parallel Training"): neighbouring gradients form buckets, and a bucket is
/// on its way as soon as the last of its parameters has its gradient. Buckets go in the same order in every
/// process: from the end of the model, where backward begins, whatever is ready first.
class GradientReducer {
 public:
  static constexpr std::int64_t kBucketBytes = std::int64_t{25} << 20;  ///< As DistributedDataParallel.

  /// leaves: parameters whose gradients are views of `gradients`, flat, which they cover. `group` must
  /// outlive this; a process alone has nothing to sum.
  GradientReducer(std::span<const at::Tensor> leaves, const at::Tensor& gradients, ProcessGroup& group,
                  std::int64_t bucket_bytes = kBucketBytes);
  GradientReducer(GradientReducer&&) noexcept;
  GradientReducer& operator=(GradientReducer&&) noexcept;
  ~GradientReducer();

  /// The next backward pass is the last before finish(): what it completes may be sent.
  void expect_backward();
  /// Sends what no backward pass reached, and waits until gradients() are the sums. Errors: of ProcessGroup.
  Result<void> finish();

  std::size_t buckets() const noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with the hooks of the parameters
};

}  // namespace epicrisis::train
