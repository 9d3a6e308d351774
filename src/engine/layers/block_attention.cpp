#include "engine/layers/block_attention.hpp"

#include "engine/kernels/matmul.hpp"
#include "engine/kernels/rowwise.hpp"

namespace epicrisis::engine {

void attend(const BlockAttention& block) noexcept {
  kernels::MatMulArgs product;
  product.a = block.queries;
  product.a_stride = block.query_stride;
  product.b = block.keys;
  product.b_bfloat16 = block.keys_bfloat16;
  product.b_stride = block.head_dim;
  product.c = block.scores;
  product.c_stride = block.length;
  product.m = block.query_count;
  product.n = block.length;
  product.k = block.head_dim;
  kernels::matmul_nt(product);
  for (int row = 0; row < block.query_count; ++row) {
    const float* bias = block.bias != nullptr ? block.bias - row : nullptr;
    kernels::softmax(block.scores + static_cast<std::ptrdiff_t>(row) * block.length, block.scale, bias,
                     block.length);
  }
  product.a = block.scores;
  product.a_stride = block.length;
  product.b = block.values;
  product.b_bfloat16 = block.values_bfloat16;
  product.c = block.out;
  product.c_stride = block.out_stride;
  product.n = block.head_dim;
  product.k = block.length;
  kernels::matmul_nn(product);
}

}  // namespace epicrisis::engine
