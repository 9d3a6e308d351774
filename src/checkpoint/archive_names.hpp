#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace epicrisis {

/// The name of an archive member as a relative path below the target folder, without "./" and doubled
/// slashes; empty for the folder itself ("./"). Nothing for a name that is absolute, climbs with "..", has
/// control characters or a backslash, or is longer than 1024 bytes.
std::optional<std::string> safe_member_name(std::string_view name);

}  // namespace epicrisis
