#pragma once

#include <string_view>

#include "base/result.hpp"
#include "hub/detail/hub_client.hpp"

namespace epicrisis::detail {

/// Reads the answer to GET /api/models/{repo}/revision/{revision}: `sha`, and `siblings` with `rfilename`
/// and, where the hub gives them, `size`, `blobId` and `lfs`. `what` names the answer in errors. Errors:
/// kCorrupt naming the field; also for a file name that is absolute, climbs, has a backslash or comes twice:
/// a hub that sends one is not to be trusted with the others.
Result<Repository> parse_repository_listing(std::string_view text, std::string_view what);

}  // namespace epicrisis::detail
