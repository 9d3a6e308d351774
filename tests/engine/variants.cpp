#include "engine/variants.hpp"

#include <cmath>
#include <ostream>

#include "support/random_checkpoint.hpp"

namespace epicrisis::testing {
namespace {

// Odd sizes: stacks of different shape, heads whose width does not divide D.
Architecture uneven(Architecture a) {
  a.d_model = 27;
  a.head_dim = 10;
  if (a.topology == Topology::kEncoderDecoder) a.encoder = {1, 3, 17};
  a.decoder = {3, 3, 70};
  return a;
}

Architecture untied_pegasus() {
  Architecture a = pegasus_architecture(101, 32, 2, 4, 48, 64);
  a.tied_output = a.output_bias = a.attention_bias = a.ffn_bias = false;
  a.activation = Activation::kGeluTanh;
  return a;
}

Architecture uneven_pegasus() {
  Architecture a = uneven(pegasus_architecture(101, 32, 2, 4, 48, 64));
  a.decoder.heads = 2;
  a.activation = Activation::kGelu;
  return a;
}

Architecture mbart() {
  Architecture a = bart_architecture(101, 32, 2, 4, 48, 64);
  a.norm_placement = NormPlacement::kBefore;
  a.final_norm = true;
  a.embedding_scale = std::sqrt(32.0F);
  return a;
}

Architecture wide_headed_t5() {
  Architecture a = t5_architecture(101, 32, 2, 4, 48);
  a.head_dim = 12;
  return a;
}

Architecture gated_t5() {
  Architecture a = uneven(t5_architecture(101, 32, 2, 4, 48));
  a.relative_buckets = 9;
  a.relative_max_distance = 21;
  a.gated_ffn = true;
  a.activation = Activation::kGeluTanh;
  a.tied_output = false;
  a.output_scale = 1.0F;
  return a;
}

Architecture uneven_gpt2() {
  Architecture a = uneven(gpt2_architecture(101, 32, 2, 4, 48, 64));
  a.activation = Activation::kSilu;
  a.gated_ffn = true;
  a.tied_output = false;
  a.output_bias = true;
  return a;
}

}  // namespace

std::vector<Variant> engine_variants() {
  return {{"pegasus", pegasus_architecture(101, 32, 2, 4, 48, 64)},
          {"pegasus_untied", untied_pegasus()},
          {"pegasus_uneven", uneven_pegasus()},
          {"bart", bart_architecture(101, 32, 2, 4, 48, 64)},
          {"mbart", mbart()},
          {"t5", wide_headed_t5()},
          {"t5_gated", gated_t5()},
          {"gpt2", gpt2_architecture(101, 32, 2, 4, 48, 64)},
          {"gpt2_uneven", uneven_gpt2()},
          {"bloom", bloom_architecture(101, 32, 2, 4, 48)},
          {"bloom_six_heads", bloom_architecture(101, 36, 2, 6, 48)}};
}

void PrintTo(const Variant& variant, std::ostream* out) { *out << variant.name; }

}  // namespace epicrisis::testing
