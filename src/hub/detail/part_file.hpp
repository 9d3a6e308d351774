#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/result.hpp"
#include "hub/detail/file_hashes.hpp"
#include "hub/detail/hub_client.hpp"

namespace epicrisis::detail {

/// A file that is downloaded in pieces, over several runs if need be: `path` holds the bytes so far, and
/// `path`.etag the entity tag under which a server gave them. A range is asked for under that tag (If-Range,
/// RFC 9110, section 13.1.5), so a changed file starts afresh. Not thread-safe.
class PartFile : public Download {
 public:
  using Progress = std::function<void(std::uint64_t position)>;
  /// Called once the size is known and before bytes are written, with those that are still to come.
  using RoomCheck = std::function<Result<void>(std::uint64_t bytes)>;

  /// Opens what an earlier run left, or starts an empty file. `facts`: what the hub said so far; `name` is
  /// for errors.
  static Result<PartFile> open(std::filesystem::path path, std::string name, RemoteFile facts,
                               Progress progress, RoomCheck room);
  PartFile(PartFile&& other) noexcept;
  PartFile& operator=(PartFile&&) = delete;
  ~PartFile() override;

  /// Whether nothing is left to ask for.
  bool is_complete() const { return facts_.size_bytes && position_ == *facts_.size_bytes; }
  /// Hashes the whole file against what the hub said. A file that fails is removed. Errors: kCorrupt.
  Result<FileHashes> verify();
  /// Whether the hub said anything that verify() could check besides the size.
  bool has_hash() const { return !facts_.sha256.empty() || !facts_.git_sha1.empty(); }

  std::vector<std::string> request_fields() override;
  Result<void> begin(const HttpHead& head, const RemoteFile& facts) override;
  Result<void> take(std::span<const std::byte> bytes) override;
  Result<void> end() override;
  Result<void> restart() override;
  std::uint64_t position() const override { return position_; }

 private:
  PartFile() = default;
  std::filesystem::path tag_path() const { return path_.string() + ".etag"; }
  Result<void> check_range(const HttpHead& head);
  Result<void> remember_tag(const HttpHead& head);
  void discard();

  std::filesystem::path path_;
  std::string name_;
  RemoteFile facts_;
  Progress progress_;
  RoomCheck room_;
  int descriptor_ = -1;
  std::uint64_t position_ = 0;
};

}  // namespace epicrisis::detail
