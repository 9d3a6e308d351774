#include "engine/ops/linear.hpp"

#include <algorithm>
#include <cstdint>

#include "base/check.hpp"
#include "engine/kernels/packed_matmul.hpp"
#include "engine/kernels/rowwise.hpp"

namespace epicrisis::engine {
namespace {

// Rows of one task: two of the kernel's row blocks.
constexpr int kTaskRows = 96;
// Weights of one task stay in L2 while all of its rows pass.
constexpr int kTaskWeights = 64 * 1024;
constexpr int kTasksPerThread = 4;
// The kernels' widest step over outputs.
constexpr int kColumnStep = 8;
constexpr int kPackedColumnStep = 64;
// Rows that share the packing of one task's weights.
constexpr int kPackedTaskRows = 512;
constexpr int kInt8ColumnStep = kernels::Int8Tile::kSumsStride;
// Few rows read each weight once or twice: then tasks are large, a few microseconds of memory's time.
constexpr int kFewRows = 16;
constexpr int kFewRowsTaskWeights = 256 * 1024;
// Rows that one task narrows.
constexpr int kNarrowedRows = 8;

int divide_up(int a, int b) { return (a + b - 1) / b; }

struct Plan {
  int row_tasks = 1;
  int columns = 0;       ///< Outputs of one task.
  int column_tasks = 0;  ///< Over all products.
  std::int64_t operations = 0;
};

// Pairs of bfloat16 elements are packed together.
bool packs(const LinearWeights& weights) {
  return weights.packs && weights.weight_int8 == nullptr && (!weights.rounds_inputs || weights.in % 2 == 0);
}

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
    const LinearWeights& first = outputs.front().weights;
    const int step = first.weight_int8 != nullptr ? kInt8ColumnStep
                     : packs(first)               ? kPackedColumnStep
                                                  : kColumnStep;
    const int most_weights = x.rows <= kFewRows ? kFewRowsTaskWeights : kTaskWeights;
    plan.row_tasks = divide_up(x.rows, packs(first) ? kPackedTaskRows : kTaskRows);
    const int wanted = divide_up(kTasksPerThread * team.size(), plan.row_tasks);
    plan.columns = std::min(divide_up(total, wanted), std::max(step, most_weights / in));
    plan.columns = divide_up(plan.columns, step) * step;
  }
  for (const LinearOutput& output : outputs) plan.column_tasks += divide_up(output.weights.out, plan.columns);
  return plan;
}

// Even shares, but of whole register tiles.
int rows_of_task(int rows, int tasks) {
  if (tasks == 1) return rows;
  return divide_up(divide_up(rows, tasks), kernels::Int8Tile::kTallRows) * kernels::Int8Tile::kTallRows;
}

// The inputs of an op as its kernels read them.
struct Inputs {
  RowsView x;
  const std::uint8_t* bytes = nullptr;    // of int8 products: [rows, byte_stride]
  const std::uint16_t* halves = nullptr;  // of bfloat16 products: [rows, in]
  const float* scales = nullptr;          // of `bytes`: [rows]
  std::ptrdiff_t byte_stride = 0;
};

template <class Narrow>
void for_each_row(ThreadTeam& team, int rows, int width, const Narrow& narrow) {
  team.run(divide_up(rows, kNarrowedRows), std::int64_t{rows} * width, [&](int task, int) noexcept {
    const int end = std::min(rows, (task + 1) * kNarrowedRows);
    for (int row = task * kNarrowedRows; row < end; ++row) narrow(row);
  });
}

Inputs narrow_inputs(ThreadTeam& team, LinearScratch& scratch, const RowsView& x,
                     const LinearWeights& weights) {
  Inputs inputs{x};
  const auto rows = static_cast<std::size_t>(x.rows);
  if (weights.weight_int8 != nullptr) {
    inputs.byte_stride = std::ptrdiff_t{kernels::kPanelInputs} * kernels::panel_depth(weights.in);
    float* scales = scratch.scales.ensure(rows);
    float* memory = scratch.rows.ensure(rows * static_cast<std::size_t>(inputs.byte_stride) / sizeof(float));
    auto* bytes = reinterpret_cast<std::uint8_t*>(memory);
    for_each_row(team, x.rows, weights.in, [&](int row) noexcept {
      scales[row] =
          kernels::quantize_row(x.data + row * x.stride, weights.in, bytes + row * inputs.byte_stride);
    });
    inputs.bytes = bytes;
    inputs.scales = scales;
  } else if (weights.rounds_inputs) {
    const auto width = static_cast<std::size_t>(weights.in);
    auto* halves = reinterpret_cast<std::uint16_t*>(scratch.rows.ensure((rows * width + 1) / 2));
    for_each_row(team, x.rows, weights.in, [&](int row) noexcept {
      kernels::round_to_bfloat16(x.data + row * x.stride, weights.in,
                                 halves + static_cast<std::ptrdiff_t>(row) * weights.in);
    });
    inputs.halves = halves;
  }
  return inputs;
}

// Rows [first, first + count) of the inputs times outputs [first_column, first_column + columns).
struct Block {
  int first_row = 0;
  int rows = 0;
  int first_column = 0;
  int columns = 0;
};

void multiply_int8(const Inputs& inputs, const LinearWeights& weights, const Block& block, float* c,
                   std::ptrdiff_t c_stride, bool accumulate) noexcept {
  kernels::Int8MatMulArgs args;
  args.a = inputs.bytes + block.first_row * inputs.byte_stride;
  args.a_stride = inputs.byte_stride;
  args.a_scales = inputs.scales + block.first_row;
  args.b = *weights.weight_int8;
  args.first = weights.first_channel;
  args.n = block.columns;
  args.c = c;
  args.c_stride = c_stride;
  args.m = block.rows;
  args.bias = weights.bias;
  args.accumulate = accumulate;
  kernels::matmul_int8(args);
}

void multiply_bfloat16(const Inputs& inputs, const LinearWeights& weights, const Block& block, float* c,
                       std::ptrdiff_t c_stride, bool accumulate, float* panels) noexcept {
  kernels::Bfloat16MatMulArgs args;
  args.a = inputs.halves + static_cast<std::ptrdiff_t>(block.first_row) * weights.in;
  args.a_stride = args.b_stride = weights.in;
  args.b = weights.weight_bfloat16;
  args.c = c;
  args.c_stride = c_stride;
  args.m = block.rows;
  args.n = block.columns;
  args.k = weights.in;
  args.bias = weights.bias;
  args.accumulate = accumulate;
  if (packs(weights)) {
    kernels::matmul_bfloat16_packed(args, panels);
  } else {
    kernels::matmul_bfloat16(args);
  }
}

void multiply_float32(const RowsView& x, const LinearWeights& weights, const Block& block, float* c,
                      std::ptrdiff_t c_stride, bool accumulate, float* panels) noexcept {
  kernels::MatMulArgs args;
  args.a = x.data + block.first_row * x.stride;
  args.a_stride = x.stride;
  args.b = weights.weight;
  args.b_bfloat16 = weights.weight_bfloat16;
  args.b_stride = weights.in;
  args.c = c;
  args.c_stride = c_stride;
  args.m = block.rows;
  args.n = block.columns;
  args.k = weights.in;
  args.bias = weights.bias;
  args.accumulate = accumulate;
  if (packs(weights)) {
    kernels::matmul_nt_packed(args, panels);
  } else {
    kernels::matmul_nt(args);
  }
}

void multiply(const Inputs& inputs, const LinearOutput& output, const Block& block, LinearMode mode,
              float* panels) noexcept {
  const LinearWeights weights = output.weights.rows(block.first_column, block.columns);
  const bool accumulate = mode == LinearMode::kAdd;
  float* c = output.y + block.first_row * output.y_stride + block.first_column;
  if (inputs.bytes != nullptr) {
    multiply_int8(inputs, weights, block, c, output.y_stride, accumulate);
  } else if (inputs.halves != nullptr) {
    multiply_bfloat16(inputs, weights, block, c, output.y_stride, accumulate, panels);
  } else {
    multiply_float32(inputs.x, weights, block, c, output.y_stride, accumulate, panels);
  }
  if (!output.activation) return;
  for (int row = 0; row < block.rows; ++row)
    kernels::activate(*output.activation, c + row * output.y_stride, block.columns);
}

bool have_one_form(const LinearWeights& a, const LinearWeights& b) {
  return a.in == b.in && (a.weight_int8 == nullptr) == (b.weight_int8 == nullptr) &&
         a.rounds_inputs == b.rounds_inputs && a.packs == b.packs;
}

}  // namespace

LinearWeights LinearWeights::rows(int first, int count) const {
  LinearWeights part = *this;
  const std::ptrdiff_t offset = static_cast<std::ptrdiff_t>(first) * in;
  if (weight != nullptr) part.weight += offset;
  if (weight_bfloat16 != nullptr) part.weight_bfloat16 += offset;
  if (weight_int8 != nullptr) part.first_channel += first;
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

void linear(ThreadTeam& team, LinearScratch& scratch, const RowsView& x,
            std::span<const LinearOutput> outputs, LinearMode mode) {
  if (x.rows == 0 || outputs.empty()) return;
  for (const LinearOutput& output : outputs) {
    EPICRISIS_CHECK(have_one_form(output.weights, outputs.front().weights) && output.weights.in > 0);
    EPICRISIS_CHECK(output.y_stride >= output.weights.out && x.stride >= output.weights.in);
  }
  const Plan plan = plan_tasks(team, x, outputs);
  const Inputs inputs = narrow_inputs(team, scratch, x, outputs.front().weights);
  const int rows_per_task = rows_of_task(x.rows, plan.row_tasks);
  float* panels = nullptr;
  if (packs(outputs.front().weights))
    panels = scratch.panels.ensure(static_cast<std::size_t>(team.size()) * kernels::kPackedScratch);
  team.run(plan.row_tasks * plan.column_tasks, plan.operations, [&](int task, int worker) noexcept {
    float* own_panels =
        panels == nullptr ? nullptr : panels + worker * std::ptrdiff_t{kernels::kPackedScratch};
    const int first_row = task / plan.column_tasks * rows_per_task;
    const int rows = std::min(rows_per_task, x.rows - first_row);
    if (rows <= 0) return;
    int column_task = task % plan.column_tasks;
    for (const LinearOutput& output : outputs) {
      const int tasks = divide_up(output.weights.out, plan.columns);
      if (column_task < tasks) {
        const int first = column_task * plan.columns;
        multiply(inputs, output, {first_row, rows, first, std::min(plan.columns, output.weights.out - first)},
                 mode, own_panels);
        return;
      }
      column_task -= tasks;
    }
  });
}

}  // namespace epicrisis::engine
