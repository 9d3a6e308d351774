#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace epicrisis {

/// A model of the store as people name it: "ward-7", "ward-7@2", "ward-7@sha256:0f3a9c1e".
struct ModelName {
  std::string name;
  std::optional<std::string> version;  ///< A version, or "sha256:" and the first digits of a content hash.
};

/// Letters, digits, '-', '_' and '.'; not starting with '-' or '.', at most 128 bytes, and not ending like an
/// archive: such a word is a file for resolve_model().
bool is_model_name(std::string_view text) noexcept;

/// Letters, digits, '-', '_' and '.'; not starting with '-' or '.', at most 64 bytes.
bool is_model_version(std::string_view text) noexcept;

/// Whether `text` names an archive that holds a model: it ends in .tar.gz or .tgz.
bool is_archive_name(std::string_view text) noexcept;

/// Reads "NAME" or "NAME@VERSION". Errors: kInvalidArgument saying which part is wrong.
Result<ModelName> parse_model_name(std::string_view text);

}  // namespace epicrisis
