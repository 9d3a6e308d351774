// gemm() on LibTorch alone, for builds without oneDNN.
#include <ATen/ATen.h>

#include "train/ops/gemm.hpp"

namespace epicrisis::train {
namespace {

/// A row-major matrix of `rows` and `columns` after `transpose`, at memory that outlives it.
at::Tensor matrix(const float* data, Transpose transpose, std::int64_t rows, std::int64_t columns,
                  std::int64_t stride) {
  const bool transposed = transpose == Transpose::kYes;
  return at::from_blob(const_cast<float*>(data), {rows, columns},  // read only
                       {transposed ? 1 : stride, transposed ? stride : 1}, at::kFloat);
}

}  // namespace

void gemm(Transpose transpose_a, Transpose transpose_b, std::int64_t m, std::int64_t n, std::int64_t k,
          const float* a, std::int64_t lda, const float* b, std::int64_t ldb, float beta, float* c,
          std::int64_t ldc) {
  if (m == 0 || n == 0) return;
  const at::NoGradGuard no_gradients;
  at::Tensor out = at::from_blob(c, {m, n}, {ldc, 1}, at::kFloat);
  const at::Tensor left = matrix(a, transpose_a, m, k, lda), right = matrix(b, transpose_b, k, n, ldb);
  if (beta == 0.0F)
    at::mm_out(out, left, right);
  else
    out.addmm_(left, right, beta, 1.0);
}

/// LibTorch's BLAS keeps to the threads that LibTorch gives it.
bool limit_blas_threads() { return true; }

}  // namespace epicrisis::train
