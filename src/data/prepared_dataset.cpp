#include "data/prepared_dataset.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace epicrisis::data {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDescription = "dataset.json";

/// Of a list in the description's settings; empty where that is not as it should be.
std::vector<std::string> file_names(const Json& description, const char* list) {
  std::vector<std::string> names;
  const Json::json_pointer place(std::string("/settings/") + list);
  if (!description.contains(place) || !description[place].is_array()) return names;
  for (const Json& file : description[place])
    names.push_back(file.is_object() && file.contains("name") && file["name"].is_string()
                        ? file["name"].get<std::string>()
                        : std::string("file"));
  return names;
}

}  // namespace

Result<void> PreparedDataset::open_splits() {
  const std::string what = (folder / kDescription).string();
  EPICRISIS_ASSIGN_OR_RETURN(const auto vocab_size,
                             json_value(description, "vocab_size", std::int64_t{0}, what));
  const auto splits = description.find("splits");
  if (splits == description.end() || !splits->is_object() || !splits->contains("train"))
    return Error{ErrorCode::kCorrupt, fmt::format("'{}' names no training split.", what), ""};
  const auto open = [&](const char* name) {
    return PreparedSplit::open(folder, name, (*splits)[name],
                               static_cast<std::size_t>(std::max<std::int64_t>(vocab_size, 0)));
  };
  EPICRISIS_ASSIGN_OR_RETURN(train, open("train"));
  train->name_files(file_names(description, "train_files"));
  if (splits->contains("validation")) {
    EPICRISIS_ASSIGN_OR_RETURN(validation, open("validation"));
    const auto own = file_names(description, "validation_files");
    validation->name_files(own.empty() ? file_names(description, "train_files") : own);
  }
  return {};
}

Result<PreparedDataset> PreparedDataset::open(const fs::path& folder) {
  PreparedDataset dataset;
  dataset.folder = folder;
  const fs::path file = folder / kDescription;
  EPICRISIS_ASSIGN_OR_RETURN(dataset.description, read_json_file(file));
  if (!dataset.description.is_object())
    return Error{ErrorCode::kCorrupt, fmt::format("'{}' is not a JSON object.", file.string()), ""};
  EPICRISIS_ASSIGN_OR_RETURN(const int format,
                             json_value(dataset.description, "epicrisis_prepared_data", 0, file.string()));
  if (format != kPreparedFormat)
    return Error{ErrorCode::kUnsupported,
                 fmt::format("'{}' is prepared data of format {}; this program reads {}: prepare it again.",
                             folder.string(), format, kPreparedFormat),
                 ""};
  EPICRISIS_RETURN_IF_ERROR(dataset.open_splits());
  return dataset;
}

}  // namespace epicrisis::data
