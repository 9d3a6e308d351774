#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/files.hpp"
#include "checkpoint/archive.hpp"
#include "checkpoint/archive_names.hpp"
#include "checkpoint/detail/gzip_reader.hpp"
#include "checkpoint/detail/printable.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPieceBytes = 1U << 18;

struct FreeReader {
  void operator()(archive* reader) const noexcept { archive_read_free(reader); }
};

/// What libarchive reads from, and the first Error met there: its callbacks can only say that one was.
struct Source {
  detail::GzipReader gzip;
  std::vector<std::byte> piece = std::vector<std::byte>(kPieceBytes);
  std::optional<Error> failure;
};

la_ssize_t read_piece(archive* reader, void* context, const void** buffer) {
  auto& source = *static_cast<Source*>(context);
  const Result<std::size_t> count = source.gzip.read(source.piece);
  if (!count) {
    source.failure = count.error();
    archive_set_error(reader, EIO, "source failed");
    return ARCHIVE_FATAL;
  }
  *buffer = source.piece.data();
  return static_cast<la_ssize_t>(*count);
}

/// One extraction: an open archive, the folder it goes to, and what has been seen.
class Extraction {
 public:
  Extraction(fs::path archive_path, const fs::path& folder, const ExtractLimits& limits,
             const ByteProgress& progress)
      : path_(std::move(archive_path)), folder_(folder), limits_(limits), progress_(progress) {}

  Result<void> run() {
    EPICRISIS_ASSIGN_OR_RETURN(detail::GzipReader gzip, detail::GzipReader::open(path_));
    const std::uint64_t by_ratio = limits_.free_bytes + gzip.compressed_bytes() * limits_.max_ratio;
    gzip.set_limit(std::min(by_ratio, limits_.max_total_bytes));
    source_ = std::make_unique<Source>(Source{std::move(gzip), {}, {}});
    source_->piece.resize(kPieceBytes);
    reader_.reset(archive_read_new());
    if (reader_ == nullptr || archive_read_support_format_tar(reader_.get()) != ARCHIVE_OK ||
        archive_read_open(reader_.get(), source_.get(), nullptr, read_piece, nullptr) != ARCHIVE_OK) {
      return failure();
    }
    EPICRISIS_RETURN_IF_ERROR(extract_members());
    if (names_.empty()) return corrupt("it holds no files");
    return drain();
  }

 private:
  Error corrupt(std::string detail) const {
    return {ErrorCode::kCorrupt, fmt::format("'{}' is not an archive that may be unpacked.", path_.string()),
            std::move(detail)};
  }

  /// The source's own Error, or libarchive's.
  Error failure() const {
    if (source_->failure) return *source_->failure;
    const char* const reason = reader_ != nullptr ? archive_error_string(reader_.get()) : nullptr;
    return corrupt(detail::printable(reason != nullptr ? reason : "it cannot be read"));
  }

  Result<void> extract_members() {
    while (true) {
      archive_entry* entry = nullptr;
      const int status = archive_read_next_header(reader_.get(), &entry);
      if (status == ARCHIVE_EOF) return {};
      if (status < ARCHIVE_WARN) return failure();
      if (++members_ > limits_.max_members) {
        return Error{ErrorCode::kResourceExhausted,
                     fmt::format("'{}' holds more than {} files.", path_.string(), limits_.max_members), ""};
      }
      EPICRISIS_RETURN_IF_ERROR(extract_member(entry));
    }
  }

  Result<void> extract_member(archive_entry* entry) {
    const char* const raw_name = archive_entry_pathname(entry);
    if (raw_name == nullptr) return corrupt(fmt::format("member {} has no readable name", members_));
    const std::string shown = detail::printable(raw_name);
    const std::optional<std::string> name = safe_member_name(raw_name);
    if (!name) return corrupt(fmt::format("member '{}' would leave the folder or has no proper name", shown));
    const auto type = archive_entry_filetype(entry);
    if (archive_entry_hardlink(entry) != nullptr || archive_entry_symlink(entry) != nullptr ||
        (type != AE_IFREG && type != AE_IFDIR)) {
      return corrupt(fmt::format("member '{}' is a link or a device", shown));
    }
    if (archive_entry_sparse_count(entry) > 0) return corrupt(fmt::format("member '{}' is sparse", shown));
    if (type == AE_IFDIR) return name->empty() ? Result<void>() : create_folder(folder_ / *name, shown);
    if (name->empty()) return corrupt(fmt::format("member '{}' has no proper name", shown));
    if (!names_.insert(*name).second) return corrupt(fmt::format("member '{}' is there twice", shown));
    EPICRISIS_RETURN_IF_ERROR(create_folder((folder_ / *name).parent_path(), shown));
    return write_member(folder_ / *name, shown);
  }

  Result<void> create_folder(const fs::path& path, std::string_view shown) {
    std::error_code failed;
    fs::create_directories(path, failed);
    if (!failed && fs::is_directory(path, failed)) return {};
    if (failed == std::errc::not_a_directory || failed == std::errc::file_exists || !failed) {
      return corrupt(fmt::format("member '{}' is both a file and a folder", shown));
    }
    return system_error(failed.value(), "create", path);
  }

  Result<void> write_member(const fs::path& target, std::string_view shown) {
    if (fs::exists(target)) return corrupt(fmt::format("member '{}' is both a file and a folder", shown));
    EPICRISIS_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(target));
    std::vector<std::byte> piece(kPieceBytes);
    while (true) {
      const la_ssize_t count = archive_read_data(reader_.get(), piece.data(), piece.size());
      if (count < 0) return failure();
      if (count == 0) break;
      EPICRISIS_RETURN_IF_ERROR(file.write(std::span(piece).first(static_cast<std::size_t>(count))));
      done_bytes_ += static_cast<std::uint64_t>(count);
      if (progress_) progress_(done_bytes_);
    }
    return file.commit();
  }

  /// Reads what follows the last member, so that the checksum at the very end is verified too.
  Result<void> drain() {
    while (true) {
      EPICRISIS_ASSIGN_OR_RETURN(const std::size_t count, source_->gzip.read(source_->piece));
      if (count == 0) return {};
    }
  }

  fs::path path_;
  const fs::path& folder_;
  const ExtractLimits& limits_;
  const ByteProgress& progress_;
  std::unique_ptr<Source> source_;
  std::unique_ptr<archive, FreeReader> reader_;
  std::set<std::string> names_;
  std::uint64_t members_ = 0;
  std::uint64_t done_bytes_ = 0;
};

}  // namespace

std::optional<std::string> safe_member_name(std::string_view name) {
  constexpr std::size_t kMaxName = 1024;
  if (name.empty() || name.size() > kMaxName || name.front() == '/') return {};
  if (std::any_of(name.begin(), name.end(),
                  [](unsigned char c) { return c < ' ' || c == 0x7F || c == '\\'; }))
    return {};
  std::string safe;
  for (const fs::path& part : fs::path(name)) {
    if (part == "..") return {};
    if (part == "." || part.empty()) continue;
    if (!safe.empty()) safe += '/';
    safe += part.string();
  }
  return safe;
}

Result<void> extract_tar_gz(const fs::path& archive, const fs::path& folder, const ExtractLimits& limits,
                            const ByteProgress& progress) {
  return Extraction(archive, folder, limits, progress).run();
}

Result<void> unpack_tar_gz(const fs::path& archive, const fs::path& target, const ExtractLimits& limits,
                           const ByteProgress& progress) {
  EPICRISIS_ASSIGN_OR_RETURN(StagedDirectory staged, StagedDirectory::create(target));
  EPICRISIS_RETURN_IF_ERROR(extract_tar_gz(archive, staged.path(), limits, progress));
  return staged.commit();
}

}  // namespace epicrisis
