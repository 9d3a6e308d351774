#include "data/prepare_dataset.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/files.hpp"
#include "base/folders.hpp"
#include "data/data_statistics.hpp"
#include "data/detail/dataset_key.hpp"
#include "data/detail/preparation.hpp"
#include "text/tokenizer.hpp"

namespace epicrisis::data {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDescription = "dataset.json";
constexpr std::size_t kKeyDigits = 32;  // of the folder's name

std::vector<std::string> names_of(const std::vector<DataFile>& files) {
  std::vector<std::string> names;
  for (const DataFile& file : files) names.push_back(file.name);
  return names;
}

/// Rows, lengths, truncation, skipped and repeated rows of each split; writes duplicate_rows.csv.
Result<Json> statistics_of(const PreparedDataset& dataset, const DataRequest& request,
                           const fs::path& folder) {
  std::vector<CountedSplit> counted = {{"train", dataset.train.get(), names_of(request.train_files)}};
  if (dataset.validation)
    counted.push_back(
        {"validation", dataset.validation.get(),
         names_of(request.validation_files.empty() ? request.train_files : request.validation_files)});
  EPICRISIS_ASSIGN_OR_RETURN(Json repeats, write_repeated_rows(folder / "duplicate_rows.csv", counted));
  Json statistics = Json::object();
  for (const CountedSplit& split : counted) {
    Json& of_split = statistics[split.name] = length_statistics(*split.split);
    const bool own_files = split.name == "validation" && !request.validation_files.empty();
    of_split["files"] = dataset.description["settings"][own_files ? "validation_files" : "train_files"];
    of_split["skipped"] = dataset.description["splits"][split.name]["skipped"];
    of_split["duplicates"] = repeats[split.name];
  }
  if (repeats.contains("shared")) statistics["shared"] = repeats["shared"];
  return statistics;
}

Result<void> fill(const fs::path& folder, const DataRequest& request, const Tokenizer& tokenizer,
                  Json description) {
  EPICRISIS_ASSIGN_OR_RETURN(detail::Preparation preparation,
                             detail::Preparation::create(request, tokenizer, folder));
  PreparedDataset made;
  made.folder = folder;
  made.description = std::move(description);
  EPICRISIS_ASSIGN_OR_RETURN(made.description["splits"], preparation.run());
  EPICRISIS_RETURN_IF_ERROR(made.open_splits());
  EPICRISIS_ASSIGN_OR_RETURN(made.description["statistics"], statistics_of(made, request, folder));
  constexpr auto kReplace = Json::error_handler_t::replace;  // names of files need not be UTF-8
  return write_file_atomically(folder / kDescription, made.description.dump(2, ' ', false, kReplace) + "\n");
}

/// The folder that holds prepared data is the user's alone: tokens are clinical text, too.
Result<void> create_private(const fs::path& folder) {
  std::error_code failure;
  if (fs::create_directories(folder, failure)) fs::permissions(folder, fs::perms::owner_all, failure);
  if (failure) return system_error(failure.value(), "create", folder);
  return {};
}

/// What is at `folder`, if anything usable is.
Result<PreparedDataset> open_for(const fs::path& folder, const std::string& key) {
  EPICRISIS_ASSIGN_OR_RETURN(PreparedDataset found, PreparedDataset::open(folder));
  EPICRISIS_ASSIGN_OR_RETURN(const auto found_key,
                             json_value(found.description, "key", std::string(), folder.string()));
  if (found_key != key)
    return Error{ErrorCode::kCorrupt, fmt::format("'{}' is not what its name says.", folder.string()), ""};
  return found;
}

}  // namespace

Result<PreparedDataset> prepare_dataset(const DataRequest& request, const Tokenizer& tokenizer,
                                        const fs::path& cache_dir, const WarningSink& warn) {
  EPICRISIS_ASSIGN_OR_RETURN(const auto train_hashes, detail::file_hashes(request.train_files));
  EPICRISIS_ASSIGN_OR_RETURN(const auto validation_hashes, detail::file_hashes(request.validation_files));
  Json settings = detail::settings_of(request, train_hashes, validation_hashes);
  const std::string key = detail::key_of(settings);
  const fs::path folder = cache_dir / key.substr(0, kKeyDigits);
  EPICRISIS_RETURN_IF_ERROR(create_private(cache_dir));
  const bool is_there_before = is_there(folder);
  if (is_there_before) {
    auto found = open_for(folder, key);
    if (found) return found;
    warn(fmt::format("Prepared data cannot be used and is made again: {}", found.error().to_line()));
  }
  EPICRISIS_ASSIGN_OR_RETURN(StagedDirectory staged, StagedDirectory::create(folder, is_there_before));
  const Json description = {{"epicrisis_prepared_data", kPreparedFormat},
                            {"key", key},
                            {"settings", std::move(settings)},
                            {"vocab_size", tokenizer.vocab_size()}};
  EPICRISIS_RETURN_IF_ERROR(fill(staged.path(), request, tokenizer, description));
  if (auto published = staged.commit(); !published && !is_there(folder / kDescription))
    return std::move(published).error();  // else another process was faster, with the same content
  return open_for(folder, key);
}

}  // namespace epicrisis::data
