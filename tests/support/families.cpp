#include "support/families.hpp"

#include <fstream>

#include "support/fixtures.hpp"

namespace epicrisis::testing {
namespace fs = std::filesystem;

std::set<std::string> listed_families() {
  std::set<std::string> families;
  std::ifstream page(source_dir() / "docs" / "families.md");
  for (std::string line; std::getline(page, line);) {
    if (!line.starts_with("| ")) continue;
    const std::string name = line.substr(2, line.find_first_of(" |", 2) - 2);
    if (!name.empty() &&
        name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string::npos)
      families.insert(name);
  }
  return families;
}

bool is_listed_family(const std::string& family) { return listed_families().contains(family); }

std::string family_of(const fs::path& folder) {
  const std::string parent = folder.parent_path().filename().string();
  return parent == "tokenizers" ? folder.filename().string() : parent;
}

}  // namespace epicrisis::testing
