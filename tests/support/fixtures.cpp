#include "support/fixtures.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <map>

namespace epicrisis::testing {
namespace fs = std::filesystem;

fs::path source_dir() { return EPICRISIS_SOURCE_DIR; }

fs::path kept_fixtures_dir() { return source_dir() / "tests" / "data" / "fixtures"; }

fs::path fixtures_dir() {
  const char* named = std::getenv("EPICRISIS_FIXTURES");
  return named != nullptr && *named != '\0' ? fs::path(named) : source_dir() / ".." / "shared" / "fixtures";
}

std::vector<fs::path> find_fixtures(const std::string& family, const std::string& file) {
  std::map<std::string, fs::path> by_relative_path;
  for (const fs::path& root : {kept_fixtures_dir(), fixtures_dir()}) {
    std::error_code failure;
    for (const auto& entry : fs::recursive_directory_iterator(root, failure)) {
      if (entry.path().filename() != file) continue;
      const fs::path folder = entry.path().parent_path();
      const std::string relative = folder.lexically_relative(root).generic_string();
      if (relative.starts_with(family)) by_relative_path[relative] = folder;
    }
  }
  std::vector<fs::path> folders;
  for (const auto& [relative, folder] : by_relative_path) folders.push_back(folder);
  return folders;
}

std::string fixture_name(const fs::path& folder) {
  std::string name = folder.parent_path().filename().string() + "_" + folder.filename().string();
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

}  // namespace epicrisis::testing
