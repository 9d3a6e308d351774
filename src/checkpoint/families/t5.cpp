// T5: Raffel et al. 2020, "Exploring the Limits of Transfer Learning with a Unified Text-to-Text
// Transformer", as transformers 4.27 computes it: RMS norm before each block and after each stack, no biases,
// bucketed relative positions that all layers of a stack share, unscaled attention. Version 1.0 projects the
// scaled decoder output with the shared embedding; version 1.1 and FLAN-T5 have a head of their own and gated
// activations (Shazeer 2020, "GLU Variants Improve Transformer").

#include "checkpoint/families/t5_like.hpp"

namespace epicrisis::families {
namespace {

Result<Architecture> read_architecture(const Json& config) {
  return read_t5_like(config, "t5",
                      {.vocab_size = 32128,
                       .ffn_dim = 2048,
                       .layers = 6,
                       .heads = 8,
                       .feed_forward = "relu",
                       .tied_output = true});
}

}  // namespace

extern const Family kT5;
const Family kT5 = {"t5", "", kT5LikeOptions, read_architecture, t5_like_parameters, is_ignored_by_t5_like};

}  // namespace epicrisis::families
