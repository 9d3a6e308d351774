#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "checkpoint/families/family.hpp"

// What T5 and mT5 share: one model, two sets of defaults.
namespace epicrisis::families {

inline constexpr std::array kT5LikeOptions = {RequiredOption{"is_encoder_decoder", "true"}};

/// Defaults of the keys that the configuration classes disagree on.
struct T5LikeDefaults {
  int vocab_size = 0;
  int ffn_dim = 0;
  int layers = 0;
  int heads = 0;
  std::string_view feed_forward;  ///< `feed_forward_proj`
  bool tied_output = true;
};

/// Errors: kCorrupt, kUnsupported naming the key.
Result<Architecture> read_t5_like(const Json& config, std::string_view family,
                                  const T5LikeDefaults& defaults);

/// Names as `encoder.block.0.layer.0.SelfAttention.q.weight`.
std::vector<Parameter> t5_like_parameters(const Architecture& architecture);

/// A relative bias of the cross attention that files of the first releases carry.
bool is_ignored_by_t5_like(std::string_view file_name);

}  // namespace epicrisis::families
