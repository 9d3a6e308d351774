#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "checkpoint/families/family.hpp"

// What BART, mBART and Pegasus share: the keys of their config.json, and their tensor names.
namespace epicrisis::families {

inline constexpr std::array kBartLikeOptions = {RequiredOption{"is_encoder_decoder", "true"}};

/// Defaults of a key that the configuration classes disagree on.
struct BartLikeDefaults {
  TokenId pad_token_id = 1;
  TokenId eos_token_id = 2;
  /// Absent: `bos_token_id`, as the reference's generation falls back.
  std::optional<TokenId> decoder_start_token_id;
  std::optional<TokenId> bos_token_id = 0;
};

/// Sizes, activation, embedding scale, tying, special tokens and dropout. The caller sets what its family
/// fixes: norms and positions. Errors: kCorrupt, kUnsupported naming the key.
Result<Architecture> read_bart_like(const Json& config, std::string_view family,
                                    const BartLikeDefaults& defaults);

/// Names as `model.encoder.layers.0.self_attn.q_proj.weight`. A position table is optional unless learned.
std::vector<Parameter> bart_like_parameters(const Architecture& architecture);

/// Version buffers of files from before 2020.
bool is_ignored_by_bart_like(std::string_view file_name);

}  // namespace epicrisis::families
