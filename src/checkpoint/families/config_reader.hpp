#pragma once

#include <initializer_list>
#include <string_view>
#include <utility>

#include "base/json.hpp"
#include "base/result.hpp"
#include "checkpoint/architecture.hpp"

namespace epicrisis {

/// Bounds on what a config.json may ask for, far above any model we know: sizes are multiplied and drive
/// loops before a single weight has been seen.
inline constexpr int kMaxLayers = 512;
inline constexpr int kMaxWidth = 1 << 17;  ///< D, F, heads and positions.
inline constexpr int kMaxVocab = 1 << 24;

/// A whole number in [1, max] under `key`, or `fallback` when absent. Errors: kCorrupt naming the key.
Result<int> config_size(const Json& config, std::string_view key, int fallback, int max = kMaxWidth);

/// A token id under `key`, or `fallback` when absent. Errors: kCorrupt unless in [0, vocab_size).
Result<TokenId> config_token(const Json& config, std::string_view key, TokenId fallback, int vocab_size);

/// A probability under `key`, or `fallback` when absent. Errors: kCorrupt unless in [0, 1].
Result<float> config_probability(const Json& config, std::string_view key, float fallback);

/// A small number that keeps a norm from dividing by zero. Errors: kCorrupt unless in [0, 1].
Result<float> config_epsilon(const Json& config, std::string_view key, float fallback);

/// Whether `key` is there and not null.
bool config_has(const Json& config, std::string_view key);

/// The activation that the reference means by `name`, which stands under `key`. Errors: kUnsupported.
Result<Activation> parse_activation(std::string_view name, std::string_view key);
/// The same for the name under `key`, or `fallback` when absent.
Result<Activation> config_activation(const Json& config, std::string_view key, std::string_view fallback);

/// kUnsupported when `key` is there and is not `supported`: an option that would change the result.
Result<void> require_config(const Json& config, std::string_view key, const Json& supported);

/// kCorrupt unless `factor`, the value under `factor_key`, divides `value`, the value under `key`.
Result<void> require_multiple(std::string_view key, int value, std::string_view factor_key, int factor);

/// `config` with each value under an alias {alias, key} moved to its key. As in the reference
/// (`attribute_map`), an alias goes before the key itself.
Json with_aliases(const Json& config,
                  std::initializer_list<std::pair<std::string_view, std::string_view>> aliases);

/// `bos_token_id`, `eos_token_id`, `pad_token_id` of a decoder-only model into `architecture`, whose
/// vocab_size is set. A model without a padding token pads with its end token, as the reference's generation
/// does.
Result<void> read_decoder_only_tokens(const Json& config, TokenId bos, TokenId eos,
                                      Architecture& architecture);

}  // namespace epicrisis
