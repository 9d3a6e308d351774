#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/digest.hpp"
#include "base/result.hpp"
#include "storage/artifacts/blob_folder.hpp"

namespace epicrisis::storage::detail {

/// A blob being written, with its MD5. Deleted again unless it was kept.
class FileWriter {
 public:
  static Result<FileWriter> create(BlobFolder& folder, const std::string& bucket);
  FileWriter(FileWriter&& other) noexcept;
  FileWriter& operator=(FileWriter&&) = delete;
  ~FileWriter();

  Result<void> write(std::string_view bytes);
  /// Hex MD5 of all bytes; no more may be written.
  const std::string& finish();
  /// Makes the bytes and the name survive a power cut.
  Result<void> sync();
  void keep() noexcept { kept_ = true; }
  const Segment& segment() const noexcept { return segment_; }

 private:
  FileWriter(std::filesystem::path path, std::string blob, int descriptor);
  std::filesystem::path path_;
  Segment segment_;
  int descriptor_ = -1;
  bool kept_ = false;
  Digest md5_{DigestKind::kMd5};
  std::string etag_;
};

}  // namespace epicrisis::storage::detail
