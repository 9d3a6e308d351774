#pragma once

#include "train/ops/ops.hpp"

namespace epicrisis::train::ops {

/// What self_attention() and cross_attention() compute, as operations of LibTorch, sequence by sequence: any
/// device, any type. On CUDA devices with LibTorch 2 through scaled_dot_product_attention, which runs flash
/// attention (Dao et al. 2022) where type, width and bias allow it. query [Nq, H Dh]; key, value [Nk, H Dh].
Tensor composed_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                          const RowOffsets& query_offsets, const RowOffsets& key_offsets,
                          const AttentionSettings& settings);

/// LibTorch's dropout, its mask settled by the seed.
Tensor composed_dropout(const Tensor& x, const Dropout& dropout);

}  // namespace epicrisis::train::ops
