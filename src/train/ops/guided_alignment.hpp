#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "data/source_matches.hpp"
#include "train/ops/ops.hpp"

namespace epicrisis::train::ops {

/// What one layer's cross-attention compares: query [Nt, H Dh], key_value [Ns, 2 H Dh], for sequences at
/// these offsets.
struct CrossAttentionInput {
  Tensor query, key_value;
  const RowOffsets& query_offsets;
  const RowOffsets& key_offsets;
};

/// - log of the attention that a head pays to the places a label can be copied from, summed over the matches
/// and averaged over `heads` (guided alignment: Chen et al. 2016, Garg et al. 2019, with the places found in
/// the text instead of by an aligner). Attention's dropout does not count. `scale` multiplies queries times
/// keys. Zero when nothing matches.
Tensor guided_alignment_loss(const CrossAttentionInput& input, int heads_of_layer,
                             const std::vector<std::int64_t>& heads, double scale,
                             const data::SourceMatches& matches);

}  // namespace epicrisis::train::ops
