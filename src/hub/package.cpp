#include "hub/package.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/files.hpp"
#include "base/folders.hpp"
#include "base/json.hpp"
#include "checkpoint/archive.hpp"
#include "hub/package_card.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 3> kRequired = {"config.json", "tokenizer.json",
                                                       "tokenizer_config.json"};
/// Packed where the folder has them: what some tokenizer classes of the reference read, and our own note on
/// what a model was trained for.
constexpr std::array<std::string_view, 8> kOptional = {
    "special_tokens_map.json", "spiece.model",  "vocab.json", "merges.txt", "added_tokens.json", "README.md",
    "generation_config.json",  "epicrisis.json"};

/// The generation settings that config.json may hold: where the reference looks without a
/// generation_config.json.
constexpr std::array<std::string_view, 22> kGenerationSettings = {"bad_words_ids",
                                                                  "begin_suppress_tokens",
                                                                  "bos_token_id",
                                                                  "decoder_start_token_id",
                                                                  "do_sample",
                                                                  "early_stopping",
                                                                  "encoder_no_repeat_ngram_size",
                                                                  "eos_token_id",
                                                                  "forced_bos_token_id",
                                                                  "forced_eos_token_id",
                                                                  "length_penalty",
                                                                  "max_length",
                                                                  "min_length",
                                                                  "no_repeat_ngram_size",
                                                                  "num_beams",
                                                                  "num_return_sequences",
                                                                  "pad_token_id",
                                                                  "repetition_penalty",
                                                                  "suppress_tokens",
                                                                  "temperature",
                                                                  "top_k",
                                                                  "top_p"};

/// A package holds its weights in one file, however large.
constexpr std::uint64_t kOneFile = std::numeric_limits<std::uint64_t>::max();

/// As the reference writes it: what the family adds to config.json still counts for a file derived from it.
Json generation_settings_of(const Json& config) {
  Json settings = {{"_from_model_config", true}};
  for (const std::string_view key : kGenerationSettings) {
    if (const auto found = config.find(key); found != config.end() && !found->is_null()) {
      settings[std::string(key)] = *found;
    }
  }
  return settings;
}

/// The files of a package, with what the folder lacks made in `made`.
class Packing {
 public:
  Packing(const fs::path& folder, const fs::path& made, const PackageOptions& options)
      : folder_(folder), made_(made), options_(options) {}

  Result<std::vector<ArchiveMember>> collect() {
    for (const std::string_view name : kRequired) {
      if (!is_there(folder_ / name)) {
        return Error{ErrorCode::kNotFound,
                     fmt::format("The model folder '{}' has no {}.", folder_.string(), name), ""};
      }
      take(name);
    }
    for (const std::string_view name : kOptional) {
      if (is_there(folder_ / name)) take(name);
    }
    EPICRISIS_ASSIGN_OR_RETURN(Checkpoint checkpoint, load_checkpoint(folder_));
    EPICRISIS_RETURN_IF_ERROR(add_weights(checkpoint));
    if (!is_there(folder_ / "generation_config.json")) {
      checkpoint.generation_config = generation_settings_of(checkpoint.config);
      EPICRISIS_RETURN_IF_ERROR(make("generation_config.json", checkpoint.generation_config.dump(2) + "\n"));
    }
    if (!is_there(folder_ / "README.md")) {
      EPICRISIS_ASSIGN_OR_RETURN(const std::string card,
                                 generate_card(checkpoint, folder_, options_.name, options_.trained_for));
      EPICRISIS_RETURN_IF_ERROR(make("README.md", card));
    }
    return std::move(members_);
  }

 private:
  void take(std::string_view name) { members_.push_back({std::string(name), folder_ / name}); }

  Result<void> make(std::string_view name, std::string_view content) {
    EPICRISIS_RETURN_IF_ERROR(write_file_atomically(made_ / name, content));
    members_.push_back({std::string(name), made_ / name});
    return {};
  }

  Result<void> add_weights(const Checkpoint& checkpoint) {
    EPICRISIS_ASSIGN_OR_RETURN(const WeightFiles weights, find_weight_files(folder_));
    const std::string_view name = weight_file_name(options_.format);
    if (weights.format == options_.format && !weights.sharded) {
      take(name);
      return {};
    }
    const fs::path converted = made_ / "converted";
    std::error_code failed;
    if (!fs::create_directory(converted, failed)) return system_error(failed.value(), "create", converted);
    EPICRISIS_RETURN_IF_ERROR(
        save_checkpoint(checkpoint, converted, options_.format, weight_dtype(checkpoint.weights), kOneFile));
    members_.push_back({std::string(name), converted / name});
    return {};
  }

  const fs::path& folder_;
  const fs::path& made_;
  const PackageOptions& options_;
  std::vector<ArchiveMember> members_;
};

Result<std::uint64_t> total_size(const std::vector<ArchiveMember>& members) {
  std::uint64_t total = 0;
  for (const ArchiveMember& member : members) {
    std::error_code failed;
    total += fs::file_size(member.source, failed);
    if (failed) return system_error(failed.value(), "read", member.source);
  }
  return total;
}

}  // namespace

Result<PackageReport> package_model(const fs::path& folder, const fs::path& target,
                                    const PackageOptions& options) {
  // Beside the target: where the archive fits, so do its parts; a system folder for temporary files may not
  // hold a large model.
  const fs::path beside = target.has_parent_path() ? target.parent_path() : fs::path(".");
  EPICRISIS_ASSIGN_OR_RETURN(const TemporaryDirectory made, TemporaryDirectory::create(beside));
  EPICRISIS_ASSIGN_OR_RETURN(std::vector<ArchiveMember> members,
                             Packing(folder, made.path(), options).collect());
  EPICRISIS_ASSIGN_OR_RETURN(const std::uint64_t total_bytes, total_size(members));

  PackageReport report;
  for (const ArchiveMember& member : members) report.files.push_back(member.name);
  std::sort(report.files.begin(), report.files.end());
  EPICRISIS_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(target));
  EPICRISIS_RETURN_IF_ERROR(write_tar_gz(
      std::move(members), [&](std::span<const std::byte> piece) { return file.write(piece); },
      [&](std::uint64_t done_bytes) {
        if (options.progress) options.progress(done_bytes, total_bytes);
      }));
  report.size_bytes = file.size_bytes();

  EPICRISIS_ASSIGN_OR_RETURN(const TemporaryDirectory unpacked, TemporaryDirectory::create(beside));
  EPICRISIS_RETURN_IF_ERROR(extract_tar_gz(file.path_aside(), unpacked.path()));
  if (options.verify) {
    EPICRISIS_RETURN_IF_ERROR(options.verify(unpacked.path()));
  }
  EPICRISIS_RETURN_IF_ERROR(file.commit());
  return report;
}

}  // namespace epicrisis
