#include "train/container/channels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/folders.hpp"

namespace epicrisis::train {
namespace {
namespace fs = std::filesystem;

constexpr std::string_view kDescription = "inputdataconfig.json";
constexpr std::string_view kModelType = "application/x-sagemaker-model";

Error invalid(std::string message, const fs::path& where) {
  return Error{ErrorCode::kInvalidArgument, std::move(message), where.string()};
}

/// Name and content type of each channel: those described, and those that are just there.
Result<std::map<std::string, std::string>> find_channels(const JobFolder& folder, const Json& description) {
  std::map<std::string, std::string> channels;
  if (!description.is_object()) return invalid("inputdataconfig.json must be one object.", {});
  for (const auto& [name, channel] : description.items()) {
    if (!channel.is_object())
      return invalid(fmt::format("Channel '{}' is not described by an object.", name), {});
    EPICRISIS_ASSIGN_OR_RETURN(const std::string mode,
                               json_value<std::string>(channel, "TrainingInputMode", "File", kDescription));
    if (mode == "Pipe")
      return Error{ErrorCode::kUnsupported,
                   fmt::format("Channel '{}' is a pipe; use the input mode File or FastFile.", name),
                   {}};
    if (!is_there(folder.channel(name)))
      return invalid(fmt::format("Channel '{}' has no folder.", name), folder.channel(name));
    EPICRISIS_ASSIGN_OR_RETURN(channels[name],
                               json_value<std::string>(channel, "ContentType", "", kDescription));
  }
  if (!is_there(folder.channel({}))) return channels;
  EPICRISIS_ASSIGN_OR_RETURN(const auto entries, entries_of(folder.channel({})));
  for (const fs::directory_entry& entry : entries)
    if (entry.is_directory()) channels.try_emplace(entry.path().filename().string());
  return channels;
}

bool is_data(const fs::path& path, bool plain_text) {
  std::string name = path.filename().string();
  if (name.starts_with('.')) return false;
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  const std::string kind = fs::path(name).extension().string();
  return kind == ".csv" || kind == ".jsonl" || kind == ".ndjson" || kind == ".json" ||
         (plain_text && kind == ".txt");
}

Result<std::vector<std::string>> data_files(const JobFolder& folder, const std::string& channel,
                                            bool plain_text, std::vector<std::string>& remarks) {
  std::vector<std::string> files;
  std::size_t others = 0;
  EPICRISIS_ASSIGN_OR_RETURN(const auto entries, entries_below(folder.channel(channel)));
  for (const fs::directory_entry& entry : entries) {
    if (!entry.is_regular_file()) continue;
    if (is_data(entry.path(), plain_text))
      files.push_back(entry.path().string());
    else
      ++others;
  }
  if (others > 0)
    remarks.push_back(fmt::format("channel {}: {} file{} neither CSV nor JSON Lines and left out", channel,
                                  others, others == 1 ? " is" : "s are"));
  if (files.empty())
    return invalid(fmt::format("Channel '{}' has no CSV or JSON Lines file.", channel),
                   folder.channel(channel));
  std::ranges::sort(files);
  return files;
}

/// The folder itself, a folder in it, or an archive.
Result<std::string> find_model(const fs::path& channel) {
  if (is_there(channel / "config.json")) return channel.string();
  std::vector<fs::path> found;
  EPICRISIS_ASSIGN_OR_RETURN(const auto entries, entries_of(channel));
  for (const fs::directory_entry& entry : entries)
    if (entry.path().filename().string().ends_with(".tar.gz") || is_there(entry.path() / "config.json"))
      found.push_back(entry.path());
  if (found.size() == 1) return found.front().string();
  return invalid("The model channel must hold one model: a folder with config.json, or a .tar.gz.", channel);
}

}  // namespace

Result<Channels> read_channels(const JobFolder& folder, const Json& description, bool plain_text) {
  EPICRISIS_ASSIGN_OR_RETURN(const auto found, find_channels(folder, description));
  Channels channels;
  for (const auto& [name, type] : found) {
    if (name == "model" || type == kModelType) {
      EPICRISIS_ASSIGN_OR_RETURN(channels.model, find_model(folder.channel(name)));
    } else if (name == "train" || (name == "training" && !found.contains("train"))) {
      EPICRISIS_ASSIGN_OR_RETURN(channels.train_files,
                                 data_files(folder, name, plain_text, channels.remarks));
    } else if (name == "validation") {
      EPICRISIS_ASSIGN_OR_RETURN(channels.validation_files,
                                 data_files(folder, name, plain_text, channels.remarks));
    } else {
      channels.remarks.push_back(
          fmt::format("channel {} is not used; train, validation and model are", name));
    }
  }
  return channels;
}

}  // namespace epicrisis::train
