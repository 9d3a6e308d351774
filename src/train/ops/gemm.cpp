#include "train/ops/gemm.hpp"

#include <dlfcn.h>

#include <oneapi/dnnl/dnnl.hpp>

#include "base/check.hpp"

namespace epicrisis::train {
namespace {

using ColumnMajorGemm = void (*)(const char* transpose_a, const char* transpose_b, const int* m, const int* n,
                                 const int* k, const float* alpha, const float* a, const int* lda,
                                 const float* b, const int* ldb, const float* beta, float* c, const int* ldc);
using SetThreads = void (*)(int);

/// The BLAS that LibTorch brought into the process, if it is OpenBLAS. Looked up by name: which library
/// stands behind LibTorch is the system's choice.
struct OpenBlas {
  ColumnMajorGemm gemm = reinterpret_cast<ColumnMajorGemm>(dlsym(RTLD_DEFAULT, "sgemm_"));
  SetThreads set_threads = reinterpret_cast<SetThreads>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads"));

  bool available() const { return gemm != nullptr && set_threads != nullptr; }
  static const OpenBlas& instance() {
    static const OpenBlas kInstance;
    return kInstance;
  }
};

bool has_avx512() {
  static const bool kHas = dnnl::get_effective_cpu_isa() >= dnnl::cpu_isa::avx512_core;
  return kHas;
}

char letter(Transpose transpose) { return transpose == Transpose::kYes ? 'T' : 'N'; }

}  // namespace

void gemm(Transpose transpose_a, Transpose transpose_b, std::int64_t m, std::int64_t n, std::int64_t k,
          const float* a, std::int64_t lda, const float* b, std::int64_t ldb, float beta, float* c,
          std::int64_t ldc) {
  if (m == 0 || n == 0) return;
  // One thread, model widths of 256 to 1024, AVX2: oneDNN is 10 % faster than OpenBLAS on A B^T and A B, but
  // half as fast on A^T B with long columns (gradients of weights), where strides that are powers of two hit
  // few cache sets. Its AVX-512 kernels are 1.6 to 2 times as fast as OpenBLAS' AVX2 ones there too.
  if (transpose_a == Transpose::kYes && k > 128 && !has_avx512() && OpenBlas::instance().available()) {
    const int rows = static_cast<int>(m), columns = static_cast<int>(n), inner = static_cast<int>(k);
    const int stride_a = static_cast<int>(lda), stride_b = static_cast<int>(ldb),
              stride_c = static_cast<int>(ldc);
    const float one = 1.0F;
    const char letter_a = letter(transpose_a), letter_b = letter(transpose_b);
    // BLAS is column-major: C^T = op(B)^T op(A)^T.
    OpenBlas::instance().gemm(&letter_b, &letter_a, &columns, &rows, &inner, &one, b, &stride_b, a, &stride_a,
                              &beta, c, &stride_c);
    return;
  }
  const auto status =
      dnnl_sgemm(letter(transpose_a), letter(transpose_b), m, n, k, 1.0F, a, lda, b, ldb, beta, c, ldc);
  EPICRISIS_CHECK(status == dnnl_success);
}

bool limit_blas_threads() {
  if (!OpenBlas::instance().available()) return false;
  OpenBlas::instance().set_threads(1);
  return true;
}

}  // namespace epicrisis::train
