#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "hub/model_check.hpp"
#include "hub/store.hpp"

namespace epicrisis {

struct ImportOptions {
  std::optional<std::string> name;     ///< Default: the folder's or archive's own.
  std::optional<std::string> version;  ///< Default: the number after the highest.
  /// Models that exist outside the store under these names: a stored one would hide them.
  std::vector<std::string> reserved_names;
  /// Called with the bytes copied so far, and of how many.
  std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes)> progress;
};

struct StoreOutcome {
  StoredModel model;
  bool created = true;  ///< False: the same content was stored already.
  CheckNotes notes;
};

/// Checks that `name` may be given to a stored model. Errors: kInvalidArgument, kConflict.
Result<void> check_new_name(const std::string& name, const std::optional<std::string>& version,
                            const std::vector<std::string>& reserved_names);

/// Copies the model in `source`, a folder or a .tar.gz, into `store`: the files that make a model
/// (model_files.hpp), no others. What is checked is the copy, before it becomes visible. Errors: those of
/// choose_model_files(), check_model() and Store::publish(); kResourceExhausted when it does not fit.
Result<StoreOutcome> import_model(const Store& store, const std::filesystem::path& source,
                                  const ImportOptions& options);

}  // namespace epicrisis
