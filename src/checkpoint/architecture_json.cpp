#include "checkpoint/architecture_json.hpp"

#include "base/check.hpp"

namespace epicrisis {
namespace {

const char* word(Topology topology) {
  return topology == Topology::kEncoderDecoder ? "encoder_decoder" : "decoder_only";
}
const char* word(Normalization normalization) {
  return normalization == Normalization::kLayerNorm ? "layer_norm" : "rms_norm";
}
const char* word(NormPlacement placement) { return placement == NormPlacement::kBefore ? "before" : "after"; }
const char* word(PositionEncoding positions) {
  switch (positions) {
    case PositionEncoding::kSinusoidal:
      return "sinusoidal";
    case PositionEncoding::kLearned:
      return "learned";
    case PositionEncoding::kRelativeBias:
      return "relative_bias";
    case PositionEncoding::kAlibi:
      return "alibi";
    case PositionEncoding::kRotary:
      return "rotary";
  }
  EPICRISIS_CHECK(false);
  return "";
}
const char* word(Activation activation) {
  switch (activation) {
    case Activation::kRelu:
      return "relu";
    case Activation::kGelu:
      return "gelu";
    case Activation::kGeluTanh:
      return "gelu_tanh";
    case Activation::kSilu:
      return "silu";
  }
  EPICRISIS_CHECK(false);
  return "";
}

OrderedJson stack_json(const StackShape& stack) {
  return {{"layers", stack.layers}, {"heads", stack.heads}, {"ffn_dim", stack.ffn_dim}};
}

}  // namespace

OrderedJson to_json(const Architecture& a) {
  OrderedJson json = {{"family", a.family},
                      {"topology", word(a.topology)},
                      {"vocab_size", a.vocab_size},
                      {"d_model", a.d_model},
                      {"head_dim", a.head_dim},
                      {"encoder", stack_json(a.encoder)},
                      {"decoder", stack_json(a.decoder)},
                      {"normalization", word(a.normalization)},
                      {"norm_placement", word(a.norm_placement)},
                      {"norm_epsilon", a.norm_epsilon},
                      {"embedding_norm", a.embedding_norm},
                      {"final_norm", a.final_norm},
                      {"positions", word(a.positions)},
                      {"max_positions", a.max_positions},
                      {"position_offset", a.position_offset},
                      {"relative_buckets", a.relative_buckets},
                      {"relative_max_distance", a.relative_max_distance},
                      {"activation", word(a.activation)},
                      {"gated_ffn", a.gated_ffn},
                      {"attention_bias", a.attention_bias},
                      {"ffn_bias", a.ffn_bias},
                      {"embedding_scale", a.embedding_scale},
                      {"attention_scale", a.attention_scale},
                      {"tied_output", a.tied_output},
                      {"output_scale", a.output_scale},
                      {"output_bias", a.output_bias},
                      {"pad_token_id", a.pad_token_id},
                      {"eos_token_id", a.eos_token_id},
                      {"decoder_start_token_id", nullptr},
                      {"bos_token_id", nullptr},
                      {"dropout", a.dropout},
                      {"attention_dropout", a.attention_dropout},
                      {"activation_dropout", a.activation_dropout},
                      {"embedding_dropout", nullptr},
                      {"final_dropout", a.final_dropout},
                      {"padding_row_fixed", a.padding_row_fixed},
                      {"init_std", a.init_std},
                      {"init_by_fan_in", a.init_by_fan_in}};
  if (a.topology == Topology::kEncoderDecoder) json["decoder_start_token_id"] = a.decoder_start_token_id;
  if (a.embedding_dropout) json["embedding_dropout"] = *a.embedding_dropout;
  if (a.bos_token_id) json["bos_token_id"] = *a.bos_token_id;
  return json;
}

}  // namespace epicrisis
