#include "train/output_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "base/files.hpp"
#include "base/folders.hpp"
#include "train/checkpoint_folders.hpp"

namespace epicrisis::train {
namespace {
namespace fs = std::filesystem;

bool is_fresh_start(const TrainingOptions& options) {
  return options.resume_from_checkpoint.empty() || options.resume_from_checkpoint == "false";
}

Result<std::unique_ptr<Descriptor>> take_hold(const fs::path& folder) {
  auto descriptor = std::make_unique<Descriptor>(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor->get() < 0) return system_error(errno, "open", folder);
  // Some network file systems cannot lock folders; they say something else.
  if (::flock(descriptor->get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    return Error{ErrorCode::kConflict,
                 fmt::format("Another run is writing into {}; wait for it or choose another --output-dir.",
                             folder.string()),
                 {}};
  return descriptor;
}

/// Whether a name is one that base/files.hpp writes under before renaming: .epicrisis-XXXXXX, also with .old
/// behind, and NAME.tmp-XXXXXX.
bool is_unfinished(std::string_view name) {
  constexpr std::string_view kFolder = ".epicrisis-", kFile = ".tmp-", kRetired = ".old";
  constexpr std::size_t kRandom = 6;
  if (name.starts_with(kFolder)) {
    if (name.ends_with(kRetired)) name.remove_suffix(kRetired.size());
    return name.size() == kFolder.size() + kRandom;
  }
  const std::size_t tail = kFile.size() + kRandom;
  return name.size() > tail && name.substr(name.size() - tail).starts_with(kFile);
}

/// Of a killed process.
Result<void> remove_unfinished(const fs::path& folder) {
  EPICRISIS_ASSIGN_OR_RETURN(const auto entries, entries_of(folder));
  for (const fs::directory_entry& entry : entries) {
    if (!is_unfinished(entry.path().filename().string())) continue;
    std::error_code failure;
    fs::remove_all(entry.path(), failure);
    if (failure) return system_error(failure.value(), "remove", entry.path());
  }
  return {};
}

Result<void> remove_all_of(const std::vector<fs::path>& paths) {
  for (const fs::path& path : paths) {
    std::error_code failure;
    fs::remove_all(path, failure);
    if (failure) return system_error(failure.value(), "remove", path);
  }
  return {};
}

Result<void> clear_earlier_run(const TrainingOptions& options) {
  const fs::path& folder = options.output_dir;
  std::vector<fs::path> earlier = find_checkpoints(folder);
  const bool finished = is_there(folder / "train_results.json");
  if (!earlier.empty() || finished) {
    if (!options.overwrite_output_dir)
      return Error{ErrorCode::kConflict,
                   fmt::format("{} holds {}; choose another --output-dir, {}or add --overwrite-output-dir.",
                               folder.string(), finished ? "a finished run" : "an interrupted run",
                               finished ? "" : "go on with --resume-from-checkpoint last, "),
                   {}};
  }
  earlier.push_back(folder / "train_results.json");
  return remove_all_of(earlier);
}

/// The checkpoint's files, and those of the best one that loading it at the end would need.
Result<void> verify_with_best(const fs::path& folder, const TrainingOptions& options) {
  EPICRISIS_RETURN_IF_ERROR(verify_checksums(folder));
  EPICRISIS_ASSIGN_OR_RETURN(const Json state, read_json_file(folder / "trainer_state.json"));
  EPICRISIS_ASSIGN_OR_RETURN(const std::string best, json_value<std::string>(state, "best_model_checkpoint",
                                                                             "", "trainer_state.json"));
  if (!options.load_best_model_at_end || best.empty() || best == folder.filename()) return {};
  auto verified = verify_checksums(folder.parent_path() / best);
  if (!verified)
    verified.error().public_message = fmt::format(
        "{} needs {}, the best so far, which is damaged; --load-best-model-at-end false goes on without.",
        folder.filename().string(), best);
  return verified;
}

Result<std::optional<fs::path>> newest_whole(const TrainingOptions& options, TrainingObserver& observer) {
  std::vector<fs::path> folders = find_checkpoints(options.output_dir);
  std::optional<Error> damage;
  for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder) {
    const auto verified = verify_with_best(*folder, options);
    if (verified) {
      if (damage) observer.on_warning(fmt::format("Going on from {}.", folder->filename().string()));
      return std::optional(*folder);
    }
    damage = verified.error();
    observer.on_warning(damage->to_line());
  }
  if (damage)
    return Error{
        ErrorCode::kCorrupt,
        fmt::format("{} has no checkpoint left that is whole; add --overwrite-output-dir and leave out "
                    "--resume-from-checkpoint to start again.",
                    options.output_dir.string()),
        damage->to_line()};
  if (options.resume_from_checkpoint == "true")
    return Error{ErrorCode::kNotFound,
                 fmt::format("{} has no checkpoint to resume from.", options.output_dir.string()),
                 {}};
  return std::optional<fs::path>();
}

/// Checkpoints behind the one gone on from would be mixed up with those of this run.
Result<void> clear_later(const fs::path& folder, const TrainingOptions& options) {
  std::error_code ignored;
  if (!fs::equivalent(fs::absolute(folder).lexically_normal().parent_path(), options.output_dir, ignored))
    return {};
  std::vector<fs::path> later = find_checkpoints(options.output_dir);
  std::erase_if(
      later, [&](const fs::path& other) { return step_of_checkpoint(other) <= step_of_checkpoint(folder); });
  if (later.empty()) return {};
  if (options.overwrite_output_dir) return remove_all_of(later);
  return Error{ErrorCode::kConflict,
               fmt::format("{} is followed by {}; resume from the last one, or add --overwrite-output-dir to "
                           "drop those after it.",
                           folder.filename().string(), later.back().filename().string()),
               {}};
}

}  // namespace

Result<OutputFolder> OutputFolder::open(const TrainingOptions& options) {
  if (options.output_dir.empty())
    return Error{ErrorCode::kInvalidArgument, "Give --output-dir, the folder for the trained model.", {}};
  std::error_code failure;
  const bool made = fs::create_directories(options.output_dir, failure);
  if (failure) return system_error(failure.value(), "create", options.output_dir);
  EPICRISIS_ASSIGN_OR_RETURN(auto held, take_hold(options.output_dir));
  OutputFolder folder(options.output_dir, made, std::move(held));
  EPICRISIS_RETURN_IF_ERROR(remove_unfinished(options.output_dir));
  if (is_fresh_start(options)) EPICRISIS_RETURN_IF_ERROR(clear_earlier_run(options));
  return folder;
}

OutputFolder::~OutputFolder() {
  std::error_code ignored;
  if (held_ != nullptr && made_) fs::remove(path_, ignored);  // fails where something is in it
}

Result<std::optional<fs::path>> checkpoint_to_resume(const TrainingOptions& options,
                                                     TrainingObserver& observer) {
  if (is_fresh_start(options)) return std::optional<fs::path>();
  if (options.resume_from_checkpoint == "last" || options.resume_from_checkpoint == "true")
    return newest_whole(options, observer);
  fs::path folder = options.resume_from_checkpoint;
  if (!folder.has_filename()) folder = folder.parent_path();  // a name that ends in a slash
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored))
    return Error{
        ErrorCode::kNotFound, fmt::format("There is no checkpoint {} to resume from.", folder.string()), {}};
  EPICRISIS_RETURN_IF_ERROR(verify_with_best(folder, options));
  EPICRISIS_RETURN_IF_ERROR(clear_later(folder, options));
  return std::optional(folder);
}

}  // namespace epicrisis::train
