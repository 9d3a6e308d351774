#include "train/report/file_identity.hpp"

#include <algorithm>

#include "base/files.hpp"
#include "base/folders.hpp"
#include "base/sha256.hpp"

namespace epicrisis::train {
namespace {
namespace fs = std::filesystem;

Result<FileIdentity> identify(const std::string& role, const fs::path& path) {
  EPICRISIS_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::open(path));
  return FileIdentity{role, path.filename().string(), file.bytes().size(),
                      Sha256().update(file.bytes()).hex()};
}

/// Configuration, weights and tokenizer of a model folder, by name.
Result<std::vector<fs::path>> model_files(const fs::path& folder) {
  std::vector<fs::path> files;
  EPICRISIS_ASSIGN_OR_RETURN(const auto entries, entries_of(folder));
  for (const fs::directory_entry& entry : entries) {
    const std::string name = entry.path().filename().string();
    const bool weights = name.ends_with(".safetensors") || name.ends_with(".bin");
    const bool tokenizer = name == "tokenizer.json" || name == "spiece.model" || name == "vocab.json";
    if (entry.is_regular_file() && (weights || tokenizer || name == "config.json"))
      files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace

Result<std::vector<FileIdentity>> identify_files(const TrainingOptions& options) {
  std::vector<std::pair<std::string, fs::path>> named;
  for (const fs::path& file : options.train_files) named.emplace_back("Training data", file);
  for (const fs::path& file : options.validation_files) named.emplace_back("Validation data", file);
  for (const auto& [role, folder] :
       {std::pair("Model before", options.model), std::pair("Model after", options.output_dir)}) {
    if (folder.empty() || !is_there(folder)) continue;
    EPICRISIS_ASSIGN_OR_RETURN(const std::vector<fs::path> files, model_files(folder));
    for (const fs::path& file : files) named.emplace_back(role, file);
  }
  std::vector<FileIdentity> identities;
  for (const auto& [role, path] : named) {
    if (!fs::is_regular_file(path)) continue;
    EPICRISIS_ASSIGN_OR_RETURN(FileIdentity identity, identify(role, path));
    identities.push_back(std::move(identity));
  }
  return identities;
}

}  // namespace epicrisis::train
