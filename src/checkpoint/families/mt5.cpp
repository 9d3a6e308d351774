// mT5: Xue et al. 2021, "mT5: A massively multilingual pre-trained text-to-text transformer": the model of
// T5 1.1 with other defaults, as transformers 4.27 computes it.

#include "checkpoint/families/t5_like.hpp"

namespace epicrisis::families {
namespace {

Result<Architecture> read_architecture(const Json& config) {
  return read_t5_like(config, "mt5",
                      {.vocab_size = 250112,
                       .ffn_dim = 1024,
                       .layers = 8,
                       .heads = 6,
                       .feed_forward = "gated-gelu",
                       .tied_output = false});
}

}  // namespace

extern const Family kMt5;
const Family kMt5 = {"mt5", "", kT5LikeOptions, read_architecture, t5_like_parameters, is_ignored_by_t5_like};

}  // namespace epicrisis::families
