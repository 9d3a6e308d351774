#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "hub/import_model.hpp"
#include "hub/repository_name.hpp"
#include "hub/store.hpp"

namespace epicrisis {

/// The hub that is asked when nobody names another.
inline constexpr std::string_view kDefaultHub = "https://huggingface.co";

struct PullOptions {
  std::string base_url = std::string(kDefaultHub);
  std::string token;                ///< Sent to the hub only; empty: none.
  std::string ca_file;              ///< Certificates to trust instead of the system's; empty: the system's.
  bool offline = false;             ///< Sends nothing; only finds what is stored.
  std::optional<std::string> name;  ///< Default: the last part of the repository's name.
  std::optional<std::string> version;         ///< Default: the number after the highest.
  std::vector<std::string> include_patterns;  ///< Shell patterns of files to store besides the model's own.
  std::vector<std::string> reserved_names;    ///< As in ImportOptions.
  /// Called with the bytes that are here, of how many, and the file that is on its way.
  std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes, std::string_view file)> progress;
  std::function<bool()> cancelled;  ///< Asked often; true ends the work with kCancelled.
  /// Waits between attempts; for tests. Default: sleeps.
  std::function<void(std::chrono::milliseconds)> sleep;
};

/// Downloads the files that make a model (model_files.hpp) from `repository` into `store`, checks them as
/// import does, and stores them with the commit they came from. Small files come first, so that a model this
/// build cannot run is refused before its weights travel. A download that is interrupted goes on where it
/// stopped when it is asked for again. Every file is held against the hash that the hub names; a file for
/// which it names none is noted. A commit that is stored already is not asked for again. Errors: kNotFound,
/// kPermissionDenied, kUnavailable (nothing is lost), kCancelled, kCorrupt for a wrong hash, kConflict while
/// another process pulls the same; those of check_model() and Store::publish().
Result<StoreOutcome> pull_model(const Store& store, const RepositoryName& repository,
                                const PullOptions& options);

}  // namespace epicrisis
