#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace epicrisis::testing {

/// The repository's root, where tests/data and models lie.
std::filesystem::path source_dir();

/// The fixtures kept in the project: one small checkpoint a family, always present.
std::filesystem::path kept_fixtures_dir();

/// The folder that EPICRISIS_FIXTURES names (default ../shared/fixtures beside the checkout); may not exist.
std::filesystem::path fixtures_dir();

/// Folders under fixtures_dir() and kept_fixtures_dir() that hold `file` and whose path below them starts
/// with `family` ("pegasus"), sorted. A shared folder of the same relative path stands in for the kept one.
std::vector<std::filesystem::path> find_fixtures(const std::string& family, const std::string& file);

/// A GoogleTest parameter name ([A-Za-z0-9_]) made of the last two parts of a fixture's path.
std::string fixture_name(const std::filesystem::path& folder);

}  // namespace epicrisis::testing
