#pragma once

#include <string_view>

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

/// The activation that the reference means by the name under `key`. Errors: kUnsupported for another.
Result<Activation> config_activation(const Json& config, std::string_view key, std::string_view fallback);

/// kUnsupported when `key` is there and is not `supported`: an option that would change the result.
Result<void> require_config(const Json& config, std::string_view key, const Json& supported);

}  // namespace epicrisis
