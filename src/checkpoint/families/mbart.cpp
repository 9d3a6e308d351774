// mBART: Liu et al. 2020, "Multilingual Denoising Pre-training for Neural Machine Translation", as
// transformers 4.27 computes it: BART's embeddings (learned positions from the third row on, a layer norm
// after them), but layer norm before each block and after each stack. Its code ignores `normalize_before`,
// `normalize_embedding`, `add_final_layer_norm` and `static_position_embeddings`; so does this file.

#include "checkpoint/families/bart_like.hpp"

namespace epicrisis::families {
namespace {

Result<Architecture> read_architecture(const Json& config) {
  EPICRISIS_ASSIGN_OR_RETURN(Architecture a, read_bart_like(config, "mbart", {}));
  a.norm_placement = NormPlacement::kBefore;
  a.embedding_norm = true;
  a.final_norm = true;
  a.positions = PositionEncoding::kLearned;
  a.position_offset = 2;
  return a;
}

}  // namespace

extern const Family kMbart;
const Family kMbart = {"mbart",
                       "model.",
                       kBartLikeOptions,
                       read_architecture,
                       bart_like_parameters,
                       is_ignored_by_bart_like,
                       /*last_label_starts_decoder=*/true};

}  // namespace epicrisis::families
