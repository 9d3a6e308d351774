#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace epicrisis::data {

/// Reads plain text for self-supervised training: documents separated by blank lines, one paragraph a line,
/// UTF-8; may be gzip-compressed. A document keeps its line breaks. Errors: kNotFound, kInvalidArgument for a
/// file without text, kCorrupt for a damaged gzip stream or text that is not UTF-8, with the byte.
Result<std::vector<std::string>> read_corpus(const std::filesystem::path& path);

}  // namespace epicrisis::data
