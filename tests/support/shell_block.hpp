#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace epicrisis::testing {

/// The lines of the first sh block after `heading` in a Markdown file: documents are run as they stand.
std::vector<std::string> shell_block_after(const std::filesystem::path& document, const std::string& heading);

void replace_all(std::string& text, const std::string& from, const std::string& to);

/// A port of the loopback address that nobody listens on.
int free_port();

}  // namespace epicrisis::testing
