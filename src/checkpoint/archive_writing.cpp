#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "base/files.hpp"
#include "checkpoint/archive.hpp"
#include "checkpoint/archive_names.hpp"
#include "checkpoint/detail/printable.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;

struct FreeWriter {
  void operator()(archive* writer) const noexcept { archive_write_free(writer); }
};
struct FreeEntry {
  void operator()(archive_entry* entry) const noexcept { archive_entry_free(entry); }
};

/// Where libarchive writes to, and the first Error met there: its callbacks can only say that one was.
struct Target {
  const ArchiveSink& sink;
  std::optional<Error> failure;
};

la_ssize_t write_piece(archive* writer, void* context, const void* bytes, std::size_t count) {
  auto& target = *static_cast<Target*>(context);
  if (auto written = target.sink({static_cast<const std::byte*>(bytes), count}); !written) {
    target.failure = std::move(written).error();
    archive_set_error(writer, EIO, "target failed");
    return -1;
  }
  return static_cast<la_ssize_t>(count);
}

Error failure(archive* writer, const Target& target) {
  if (target.failure) return *target.failure;
  const char* const reason = writer != nullptr ? archive_error_string(writer) : nullptr;
  return {ErrorCode::kInternal, "The archive cannot be written.", reason != nullptr ? reason : ""};
}

bool configure(archive* writer) {
  // Restricted pax is plain ustar unless a member is larger than ustar can say (8 GiB). Level 3: weights
  // hardly compress, and level 6 takes twice the time for a hundredth of the size.
  return archive_write_set_format_pax_restricted(writer) == ARCHIVE_OK &&
         archive_write_add_filter_gzip(writer) == ARCHIVE_OK &&
         archive_write_set_options(writer, "gzip:!timestamp,gzip:compression-level=3") == ARCHIVE_OK &&
         archive_write_set_bytes_in_last_block(writer, 1) == ARCHIVE_OK;  // no zeros after the gzip member
}

/// Refuses names that our own extraction would refuse, and sorts.
Result<void> prepare(std::vector<ArchiveMember>& members) {
  std::sort(members.begin(), members.end(),
            [](const ArchiveMember& a, const ArchiveMember& b) { return a.name < b.name; });
  for (std::size_t i = 0; i < members.size(); ++i) {
    const bool twice = i > 0 && members[i].name == members[i - 1].name;
    if (twice || safe_member_name(members[i].name) != members[i].name) {
      return Error{ErrorCode::kInvalidArgument, "A file cannot be put into the archive under its name.",
                   fmt::format("'{}'", detail::printable(members[i].name))};
    }
  }
  return {};
}

Result<void> write_member(archive* writer, const Target& target, const ArchiveMember& member,
                          std::uint64_t& done_bytes, const ByteProgress& progress) {
  EPICRISIS_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::open(member.source));
  const std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), member.name.c_str());
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(file.bytes().size()));
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0644);
  archive_entry_set_uid(entry.get(), 0);
  archive_entry_set_gid(entry.get(), 0);
  archive_entry_set_mtime(entry.get(), 0, 0);
  if (archive_write_header(writer, entry.get()) != ARCHIVE_OK) return failure(writer, target);
  constexpr std::size_t kPieceBytes = 1U << 20;
  for (std::span<const std::byte> rest = file.bytes(); !rest.empty();) {
    const auto piece = rest.first(std::min(rest.size(), kPieceBytes));
    if (archive_write_data(writer, piece.data(), piece.size()) != static_cast<la_ssize_t>(piece.size())) {
      return failure(writer, target);
    }
    rest = rest.subspan(piece.size());
    done_bytes += piece.size();
    if (progress) progress(done_bytes);
  }
  return {};
}

}  // namespace

Result<std::vector<ArchiveMember>> list_members(const fs::path& folder) {
  std::vector<ArchiveMember> members;
  std::error_code failed;
  for (fs::recursive_directory_iterator entry(folder, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    if (!entry->is_regular_file(failed)) continue;
    members.push_back({entry->path().lexically_relative(folder).generic_string(), entry->path()});
  }
  if (failed) return system_error(failed.value(), "list", folder);
  std::sort(members.begin(), members.end(),
            [](const ArchiveMember& a, const ArchiveMember& b) { return a.name < b.name; });
  return members;
}

Result<void> write_tar_gz(std::vector<ArchiveMember> members, const ArchiveSink& sink,
                          const ByteProgress& progress) {
  EPICRISIS_RETURN_IF_ERROR(prepare(members));
  Target target{sink, {}};
  const std::unique_ptr<archive, FreeWriter> writer(archive_write_new());
  if (writer == nullptr || !configure(writer.get()) ||
      archive_write_open(writer.get(), &target, nullptr, write_piece, nullptr) != ARCHIVE_OK) {
    return failure(writer.get(), target);
  }
  std::uint64_t done_bytes = 0;
  for (const ArchiveMember& member : members) {
    EPICRISIS_RETURN_IF_ERROR(write_member(writer.get(), target, member, done_bytes, progress));
  }
  if (archive_write_close(writer.get()) != ARCHIVE_OK) return failure(writer.get(), target);
  return {};
}

}  // namespace epicrisis
