#pragma once

#include <cstddef>
#include <deque>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "support/scripted_server.hpp"

namespace epicrisis::testing {

/// One file of a FakeHub's repository, and how it misbehaves.
struct HubFile {
  std::string content;
  bool is_lfs = false;                   ///< SHA-256 in X-Linked-Etag; else the git SHA-1 in ETag.
  std::optional<std::string> hash = {};  ///< Said instead of the true one; empty: none is said.
  std::deque<ScriptedReply> first = {};  ///< Answers to the next GETs, once `breaks` is used up.
  std::deque<std::size_t> breaks = {};   ///< The first GETs end after so many bytes.
  std::string redirect = {};             ///< Where GET is sent instead; with the hub's hashes.
  bool ignores_range = false;
};

/// A hub on 127.0.0.1 that speaks the part of Hugging Face's HTTP API that downloads need: it lists one
/// repository, gives its files with hashes, honours Range and If-Range. Configure it before the first
/// request.
class FakeHub {
 public:
  static constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";

  explicit FakeHub(std::optional<TlsIdentity> identity = {}, std::string repo = "acme/ward-7");

  /// Adds every file of `folder` that has one of `names`; weights as LFS files.
  void add_folder(const std::filesystem::path& folder, const std::vector<std::string>& names);

  std::map<std::string, HubFile> files;
  std::map<std::string, std::string> revisions = {{"main", kCommit}};
  std::string required_token;            ///< 401 without it.
  std::optional<ScriptedReply> listing;  ///< Instead of the true one.
  bool answers_head = true;
  bool lists_blobs = false;           ///< Sizes and hashes in the listing, when asked for.
  std::string commit_said = kCommit;  ///< X-Repo-Commit of files.

  std::string url(const std::string& host = "127.0.0.1") const { return server_.url(host); }
  std::vector<SeenRequest> requests() const { return server_.requests(); }
  /// The requests whose target ends with `path`.
  std::vector<SeenRequest> requests_for(const std::string& path, const std::string& method = "GET") const;

 private:
  ScriptedReply answer(const SeenRequest& request);
  ScriptedReply list(const std::string& revision, bool with_blobs) const;
  ScriptedReply give(HubFile& file, const SeenRequest& request);

  std::string repo_;
  ScriptedServer server_;
};

/// The name of `content` as a git blob.
std::string git_blob_sha1(const std::string& content);
std::string sha256_of(const std::string& content);

}  // namespace epicrisis::testing
