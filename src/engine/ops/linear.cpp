#include "engine/ops/linear.hpp"

#include <algorithm>
#include <cstdint>

#include "base/check.hpp"
#include "engine/kernels/matmul.hpp"
#include "engine/kernels/rowwise.hpp"

namespace epicrisis::engine {
namespace {

// Rows of one task: two of the kernel's row blocks.
constexpr int kTaskRows = 96;
// Weights of one task stay in L2 while all of its rows pass.
constexpr int kTaskWeights = 64 * 1024;
constexpr int kTasksPerThread = 4;
// The kernel's widest step over outputs.
constexpr int kColumnStep = 8;

int divide_up(int a, int b) { return (a + b - 1) / b; }

struct Plan {
  int row_tasks = 1;
  int columns = 0;       ///< Outputs of one task.
  int column_tasks = 0;  ///< Over all products.
  std::int64_t operations = 0;
};

Plan plan_tasks(const ThreadTeam& team, const RowsView& x, std::span<const LinearOutput> outputs) {
  int total = 0;
  int widest = 0;
  for (const LinearOutput& output : outputs) {
    total += output.weights.out;
    widest = std::max(widest, output.weights.out);
  }
  const int in = outputs.front().weights.in;
  Plan plan;
  plan.columns = widest;
  plan.operations = std::int64_t{x.rows} * total * in;
  if (team.size() > 1 && plan.operations >= ThreadTeam::kSharedOperations) {
    plan.row_tasks = divide_up(x.rows, kTaskRows);
    const int wanted = divide_up(kTasksPerThread * team.size(), plan.row_tasks);
    plan.columns = std::min(divide_up(total, wanted), std::max(kColumnStep, kTaskWeights / in));
    plan.columns = divide_up(plan.columns, kColumnStep) * kColumnStep;
  }
  for (const LinearOutput& output : outputs) plan.column_tasks += divide_up(output.weights.out, plan.columns);
  return plan;
}

void multiply(const RowsView& x, const LinearOutput& output, int first_row, int rows, int first_column,
              int columns, LinearMode mode) noexcept {
  const LinearWeights weights = output.weights.rows(first_column, columns);
  kernels::MatMulArgs args;
  args.a = x.data + first_row * x.stride;
  args.a_stride = x.stride;
  args.b = weights.weight;
  args.b_bfloat16 = weights.weight_bfloat16;
  args.b_stride = weights.in;
  args.c = output.y + first_row * output.y_stride + first_column;
  args.c_stride = output.y_stride;
  args.m = rows;
  args.n = columns;
  args.k = weights.in;
  args.bias = weights.bias;
  args.accumulate = mode == LinearMode::kAdd;
  kernels::matmul_nt(args);
  if (!output.activation) return;
  for (int row = 0; row < rows; ++row)
    kernels::activate(*output.activation, args.c + row * args.c_stride, columns);
}

}  // namespace

LinearWeights LinearWeights::rows(int first, int count) const {
  LinearWeights part = *this;
  const std::ptrdiff_t offset = static_cast<std::ptrdiff_t>(first) * in;
  if (weight != nullptr) part.weight += offset;
  if (weight_bfloat16 != nullptr) part.weight_bfloat16 += offset;
  if (bias != nullptr) part.bias += first;
  part.out = count;
  return part;
}

void copy_row(const LinearWeights& weights, std::ptrdiff_t index, float* y) noexcept {
  if (weights.weight_bfloat16 != nullptr) {
    kernels::widen_bfloat16(weights.weight_bfloat16 + index * weights.in, weights.in, y);
  } else {
    std::copy_n(weights.weight + index * weights.in, weights.in, y);
  }
}

void linear(ThreadTeam& team, const RowsView& x, std::span<const LinearOutput> outputs, LinearMode mode) {
  if (x.rows == 0 || outputs.empty()) return;
  for (const LinearOutput& output : outputs) {
    EPICRISIS_CHECK(output.weights.in == outputs.front().weights.in && output.weights.in > 0);
    EPICRISIS_CHECK(output.y_stride >= output.weights.out && x.stride >= output.weights.in);
  }
  const Plan plan = plan_tasks(team, x, outputs);
  const int rows_per_task = divide_up(x.rows, plan.row_tasks);
  team.run(plan.row_tasks * plan.column_tasks, plan.operations, [&](int task, int) noexcept {
    const int first_row = task / plan.column_tasks * rows_per_task;
    const int rows = std::min(rows_per_task, x.rows - first_row);
    if (rows <= 0) return;
    int column_task = task % plan.column_tasks;
    for (const LinearOutput& output : outputs) {
      const int tasks = divide_up(output.weights.out, plan.columns);
      if (column_task < tasks) {
        const int first = column_task * plan.columns;
        multiply(x, output, first_row, rows, first, std::min(plan.columns, output.weights.out - first), mode);
        return;
      }
      column_task -= tasks;
    }
  });
}

}  // namespace epicrisis::engine
