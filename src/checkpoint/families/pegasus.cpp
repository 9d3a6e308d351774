// Pegasus: Zhang et al. 2020, "PEGASUS: Pre-training with Extracted Gap-sentences for Abstractive
// Summarization", as transformers 4.27 computes it: layer norm before each block and after each stack,
// sinusoidal positions (sine half, then cosine half), scaled and shared embeddings, a bias on the logits.
// Its code ignores `normalize_before`, `normalize_embedding`, `add_final_layer_norm`,
// `static_position_embeddings`, `extra_pos_embeddings` and `add_bias_logits`; so does this file.

#include "checkpoint/families/bart_like.hpp"

namespace epicrisis::families {
namespace {

Result<Architecture> read_architecture(const Json& config) {
  return read_bart_like(
      config, "pegasus",
      {.pad_token_id = 0, .eos_token_id = 1, .decoder_start_token_id = 0, .bos_token_id = {}});
}

}  // namespace

extern const Family kPegasus;
const Family kPegasus = {
    "pegasus", "model.", kBartLikeOptions, read_architecture, bart_like_parameters, is_ignored_by_bart_like};

}  // namespace epicrisis::families
