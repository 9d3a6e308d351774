#pragma once

#include <filesystem>
#include <set>
#include <string>

namespace epicrisis::testing {

/// Families with a line "| pegasus | …" in docs/families.md: their fixtures are tests. Fixtures of other
/// families are reported as unsupported.
std::set<std::string> listed_families();

bool is_listed_family(const std::string& family);

/// The family of a fixture folder: "pegasus" for both pegasus/xsum-like and tokenizers/pegasus.
std::string family_of(const std::filesystem::path& folder);

}  // namespace epicrisis::testing
