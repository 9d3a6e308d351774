#pragma once

#include "checkpoint/architecture.hpp"
#include "checkpoint/families/family.hpp"
#include "data/packed_batch.hpp"

namespace epicrisis::train {

/// Appends a pair as a model of this architecture learns it: a target decoded from an encoded source, or, in
/// a decoder-only model, one sequence of which the target is learnt.
inline void append_example(data::PackedBatch& batch, const data::TrainingPair& pair,
                           const Architecture& architecture) {
  if (architecture.topology == Topology::kDecoderOnly)
    data::append_continuation(batch, pair.source, pair.target);
  else
    data::append_pair(batch, pair.source, pair.target,
                      {teacher_forcing_start(architecture), architecture.pad_token_id});
}

}  // namespace epicrisis::train
