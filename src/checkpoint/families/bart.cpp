// BART: Lewis et al. 2020, "BART: Denoising Sequence-to-Sequence Pre-training", as transformers 4.27 computes
// it: layer norm after each block and after the embeddings, none after a stack, learned positions whose table
// starts two rows before position 0, a bias on the logits. Its code ignores `normalize_before`,
// `normalize_embedding`, `add_final_layer_norm`, `static_position_embeddings`, `extra_pos_embeddings` and
// `add_bias_logits`; so does this file.

#include "checkpoint/families/bart_like.hpp"

namespace epicrisis::families {
namespace {

Result<Architecture> read_architecture(const Json& config) {
  EPICRISIS_ASSIGN_OR_RETURN(Architecture a, read_bart_like(config, "bart", {.decoder_start_token_id = 2}));
  a.norm_placement = NormPlacement::kAfter;
  a.embedding_norm = true;
  a.final_norm = false;
  a.positions = PositionEncoding::kLearned;
  a.position_offset = 2;
  return a;
}

}  // namespace

extern const Family kBart;
const Family kBart = {
    "bart", "model.", kBartLikeOptions, read_architecture, bart_like_parameters, is_ignored_by_bart_like};

}  // namespace epicrisis::families
