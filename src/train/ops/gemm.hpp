#pragma once

#include <cstdint>

namespace epicrisis::train {

enum class Transpose { kNo, kYes };

/// C = op(A) op(B) + beta C in float32, row-major with row strides lda, ldb, ldc; op(A) is [m, k], op(B) [k,
/// n]. Meant to be called by one thread for its part of the rows of C: inside a parallel region it uses that
/// thread only.
void gemm(Transpose transpose_a, Transpose transpose_b, std::int64_t m, std::int64_t n, std::int64_t k,
          const float* a, std::int64_t lda, const float* b, std::int64_t ldb, float beta, float* c,
          std::int64_t ldc);

/// Makes the BLAS behind LibTorch leave threading to us: two thread pools on the same cores cost more than
/// they give. False when that BLAS is not OpenBLAS (the reference BLAS is many times slower; the caller
/// should say so).
bool limit_blas_threads();

}  // namespace epicrisis::train
