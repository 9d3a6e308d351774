#include "train/distributed/gradient_reducer.hpp"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/utils/lambda_post_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>
#include <vector>

#include "base/check.hpp"

namespace epicrisis::train {
namespace {

using torch::autograd::variable_list;

std::int64_t offset_in(const at::Tensor& gradients, const at::Tensor& leaf) {
  return leaf.grad().storage_offset() - gradients.storage_offset();
}

struct Bucket {
  std::int64_t begin = 0, end = 0;  // in the gradients
  std::int64_t leaves = 0;
  std::int64_t missing = 0;  // of the backward pass under way
};

}  // namespace

struct GradientReducer::State {
  ProcessGroup& group;
  at::Tensor gradients;
  std::vector<Bucket> buckets;
  // They own the hooks; a parameter knows its own only weakly.
  std::vector<std::shared_ptr<torch::autograd::Node>> accumulators;
  bool expecting = false;
  std::size_t next = 0;  // the bucket that is sent next
  Result<void> outcome;

  State(ProcessGroup& given_group, at::Tensor given_gradients)
      : group(given_group), gradients(std::move(given_gradients)) {}

  void send_next() {
    const Bucket& bucket = buckets[next++];
    if (!outcome) return;
    outcome = group.begin_sum(gradients.narrow(0, bucket.begin, bucket.end - bucket.begin));
  }
  void take(std::size_t index) {
    if (!expecting) return;
    --buckets[index].missing;
    while (next < buckets.size() && buckets[next].missing <= 0) send_next();
  }
};

GradientReducer::GradientReducer(std::span<const at::Tensor> leaves, const at::Tensor& gradients,
                                 ProcessGroup& group, std::int64_t bucket_bytes)
    : state_(std::make_shared<State>(group, gradients)) {
  if (group.size() == 1) return;
  std::vector<at::Tensor> ordered(leaves.begin(), leaves.end());
  std::sort(ordered.begin(), ordered.end(), [&](const at::Tensor& a, const at::Tensor& b) {
    return offset_in(gradients, a) > offset_in(gradients, b);
  });
  std::vector<Bucket>& buckets = state_->buckets;
  std::int64_t end = gradients.numel();
  for (const at::Tensor& leaf : ordered) {
    const std::int64_t begin = offset_in(gradients, leaf);
    EPICRISIS_CHECK(begin + leaf.numel() == end);
    const auto bytes = static_cast<std::int64_t>(sizeof(float)) *
                       (buckets.empty() ? 0 : buckets.back().end - buckets.back().begin);
    if (buckets.empty() || bytes >= bucket_bytes) buckets.push_back({begin, end});
    buckets.back().begin = end = begin;
    ++buckets.back().leaves;
    auto accumulator = torch::autograd::impl::grad_accumulator(leaf);
    accumulator->add_post_hook(std::make_unique<torch::autograd::utils::LambdaPostHook>(
        [state = std::weak_ptr<State>(state_), index = buckets.size() - 1](const variable_list& outputs,
                                                                           const variable_list&) {
          if (const auto held = state.lock()) held->take(index);
          return outputs;
        }));
    state_->accumulators.push_back(std::move(accumulator));
  }
  EPICRISIS_CHECK(end == 0);
}

GradientReducer::GradientReducer(GradientReducer&&) noexcept = default;
GradientReducer& GradientReducer::operator=(GradientReducer&&) noexcept = default;
GradientReducer::~GradientReducer() = default;

void GradientReducer::expect_backward() {
  for (Bucket& bucket : state_->buckets) bucket.missing = bucket.leaves;
  state_->next = 0;
  state_->expecting = true;
}

Result<void> GradientReducer::finish() {
  while (state_->next < state_->buckets.size()) state_->send_next();
  state_->expecting = false;
  EPICRISIS_RETURN_IF_ERROR(state_->outcome);
  return state_->group.finish_sums();
}

std::size_t GradientReducer::buckets() const noexcept { return state_->buckets.size(); }

}  // namespace epicrisis::train
