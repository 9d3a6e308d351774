#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "generation/backend.hpp"
#include "generation/generation_config.hpp"
#include "generation/search.hpp"

namespace epicrisis {

/// What can be known to be wrong with a request before any work is done. Errors: kInvalidArgument for bad
/// settings, and for a source that is empty or leaves no room to generate.
Result<void> check_request(const Backend& backend, std::span<const std::vector<TokenId>> sources,
                           const GenerationConfig& config);

/// The search that `config` asks for. It refers to `source` and `config`.
Result<std::unique_ptr<Search>> make_search(const Backend& backend, std::span<const TokenId> source,
                                            const GenerationConfig& config);

/// Most rows that the search of one source takes.
int most_rows(const GenerationConfig& config) noexcept;

/// Most bytes that one source takes in a session's caches; 0 where the backend does not know.
std::size_t most_cache_bytes(const Backend& backend, std::span<const TokenId> source,
                             const GenerationConfig& config);

}  // namespace epicrisis
