// Vector kernels against their scalar references, and products against oneDNN, on the shapes of the models we
// ship.
#include <benchmark/benchmark.h>

#include <cmath>
#include <oneapi/dnnl/dnnl.hpp>
#include <random>
#include <vector>

#include "engine/kernels/attention.hpp"
#include "engine/kernels/matmul.hpp"
#include "engine/kernels/rowwise.hpp"

namespace epicrisis::kernels {
namespace {

std::vector<float> random_values(std::int64_t count) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = normal(random);
  return values;
}

void onednn_nt(const MatMulArgs& args) {
  dnnl_sgemm('N', 'T', args.m, args.n, args.k, 1.0F, args.a, args.a_stride, args.b, args.b_stride, 0.0F,
             args.c, args.c_stride);
}

using Product = void (*)(const MatMulArgs&);

void run_product(benchmark::State& state, Product product, bool transposed) {
  MatMulArgs args;
  args.m = static_cast<int>(state.range(0));
  args.n = static_cast<int>(state.range(1));
  args.k = static_cast<int>(state.range(2));
  const std::vector<float> a = random_values(std::int64_t{args.m} * args.k);
  const std::vector<float> b = random_values(std::int64_t{args.n} * args.k);
  std::vector<float> c(static_cast<std::size_t>(args.m) * static_cast<std::size_t>(args.n));
  args.a = a.data();
  args.a_stride = args.k;
  args.b = b.data();
  args.b_stride = transposed ? args.k : args.n;
  args.c = c.data();
  args.c_stride = args.n;
  for (auto _ : state) {
    product(args);
    benchmark::ClobberMemory();
  }
  std::vector<float> expected(c.size());
  args.c = expected.data();
  (transposed ? reference::matmul_nt : reference::matmul_nn)(args);
  for (std::size_t i = 0; i < c.size(); ++i) {
    if (std::abs(c[i] - expected[i]) > 1e-3F) return state.SkipWithError("wrong product");
  }
  state.counters["GFLOP/s"] =
      benchmark::Counter(2e-9 * args.m * args.n * args.k, benchmark::Counter::kIsIterationInvariantRate);
}

void BM_MatMulNt(benchmark::State& state, Product product) { run_product(state, product, true); }
void BM_MatMulNn(benchmark::State& state, Product product) { run_product(state, product, false); }

// rows, outputs, inputs: one token, a beam, a note, a batch; a small model, then Pegasus-large.
#define EPICRISIS_PRODUCTS    \
  Args({1, 256, 256})         \
      ->Args({4, 8000, 256})  \
      ->Args({96, 1024, 256}) \
      ->Args({1, 1024, 1024}) \
      ->Args({512, 1024, 1024})
BENCHMARK_CAPTURE(BM_MatMulNt, reference, reference::matmul_nt)->Args({1, 256, 256})->Args({96, 1024, 256});
BENCHMARK_CAPTURE(BM_MatMulNt, simd, matmul_nt)->EPICRISIS_PRODUCTS;
BENCHMARK_CAPTURE(BM_MatMulNt, onednn, onednn_nt)->EPICRISIS_PRODUCTS;
BENCHMARK_CAPTURE(BM_MatMulNn, reference, reference::matmul_nn)->Args({48, 64, 96});
BENCHMARK_CAPTURE(BM_MatMulNn, simd, matmul_nn)->Args({48, 64, 96})->Args({48, 64, 512});

using LayerNorm = void (*)(const float*, const float*, const float*, float, int, float*);

void BM_LayerNorm(benchmark::State& state, LayerNorm norm) {
  const auto width = state.range(0);
  const std::vector<float> x = random_values(width);
  std::vector<float> y(x.size());
  for (auto _ : state) {
    norm(x.data(), x.data(), x.data(), 1e-5F, static_cast<int>(width), y.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * width);
}
BENCHMARK_CAPTURE(BM_LayerNorm, reference, reference::layer_norm)->Arg(256)->Arg(1024);
BENCHMARK_CAPTURE(BM_LayerNorm, simd, layer_norm)->Arg(256)->Arg(1024);

using RmsNorm = void (*)(const float*, const float*, float, int, float*);

void BM_RmsNorm(benchmark::State& state, RmsNorm norm) {
  const auto width = state.range(0);
  const std::vector<float> x = random_values(width);
  std::vector<float> y(x.size());
  for (auto _ : state) {
    norm(x.data(), x.data(), 1e-6F, static_cast<int>(width), y.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * width);
}
BENCHMARK_CAPTURE(BM_RmsNorm, reference, reference::rms_norm)->Arg(256)->Arg(1024);
BENCHMARK_CAPTURE(BM_RmsNorm, simd, rms_norm)->Arg(256)->Arg(1024);

using Softmax = void (*)(float*, float, const float*, int);

void BM_Softmax(benchmark::State& state, Softmax softmax_kernel) {
  const std::vector<float> scores = random_values(state.range(0));
  std::vector<float> x;
  for (auto _ : state) {
    x = scores;
    softmax_kernel(x.data(), 0.125F, nullptr, static_cast<int>(x.size()));
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(BM_Softmax, reference, reference::softmax)->Arg(96)->Arg(512);
BENCHMARK_CAPTURE(BM_Softmax, simd, softmax)->Arg(96)->Arg(512);

using Activate = void (*)(Activation, float*, int);

void BM_Gelu(benchmark::State& state, Activate activate_kernel) {
  std::vector<float> x = random_values(state.range(0));
  for (auto _ : state) {
    activate_kernel(Activation::kGelu, x.data(), static_cast<int>(x.size()));
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(BM_Gelu, reference, reference::activate)->Arg(4096);
BENCHMARK_CAPTURE(BM_Gelu, simd, activate)->Arg(4096);

using CachedAttention = void (*)(const CachedAttentionArgs&);

void BM_CachedAttention(benchmark::State& state, CachedAttention attention) {
  CachedAttentionArgs args;
  args.head_dim = static_cast<int>(state.range(0));
  args.length = static_cast<int>(state.range(1));
  const std::vector<float> query = random_values(args.head_dim);
  const std::vector<float> cache = random_values(2 * std::int64_t{args.length} * args.head_dim);
  std::vector<const float*> positions;
  for (int t = 0; t < args.length; ++t)
    positions.push_back(cache.data() + 2 * std::ptrdiff_t{t} * args.head_dim);
  std::vector<float> scores(positions.size());
  std::vector<float> out(query.size());
  args.query = query.data();
  args.positions = positions.data();
  args.value_offset = args.head_dim;
  args.scale = 0.125F;
  args.scores = scores.data();
  args.out = out.data();
  for (auto _ : state) {
    attention(args);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * args.length);
}
BENCHMARK_CAPTURE(BM_CachedAttention, reference, reference::cached_attention)
    ->Args({64, 32})
    ->Args({64, 256});
BENCHMARK_CAPTURE(BM_CachedAttention, simd, cached_attention)->Args({64, 32})->Args({64, 256});

}  // namespace
}  // namespace epicrisis::kernels
