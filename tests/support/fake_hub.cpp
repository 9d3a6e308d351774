#include "support/fake_hub.hpp"

#include <fmt/format.h>
#include <openssl/sha.h>
#include <algorithm>

#include <array>

#include "base/files.hpp"
#include "base/sha256.hpp"

namespace epicrisis::testing {
namespace {

ScriptedReply plain(int status, std::string code = {}) {
  ScriptedReply reply;
  reply.status = status;
  if (!code.empty()) reply.fields.emplace_back("X-Error-Code", std::move(code));
  return reply;
}

std::string in_quotes(const std::string& text) { return "\"" + text + "\""; }

}  // namespace

std::string git_blob_sha1(const std::string& content) {
  std::string blob = fmt::format("blob {}", content.size());
  blob += '\0';
  blob += content;
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  SHA1(reinterpret_cast<const unsigned char*>(blob.data()), blob.size(), digest.data());
  return fmt::format("{:02x}", fmt::join(digest, ""));
}

std::string sha256_of(const std::string& content) { return Sha256().update(content).hex(); }

FakeHub::FakeHub(std::optional<TlsIdentity> identity, std::string repo)
    : repo_(std::move(repo)),
      server_([this](const SeenRequest& request) { return answer(request); }, std::move(identity)) {}

void FakeHub::add_folder(const std::filesystem::path& folder, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    HubFile file;
    file.content = read_file(folder / name).value();
    file.is_lfs = name.ends_with(".safetensors") || name.ends_with(".bin") || name.ends_with(".model");
    files[name] = std::move(file);
  }
}

std::vector<SeenRequest> FakeHub::requests_for(const std::string& path, const std::string& method) const {
  std::vector<SeenRequest> found;
  for (const SeenRequest& request : requests()) {
    if (request.method == method && request.target.ends_with("/" + path)) found.push_back(request);
  }
  return found;
}

ScriptedReply FakeHub::answer(const SeenRequest& request) {
  const auto token = request.headers.find("authorization");
  if (!required_token.empty() &&
      (token == request.headers.end() || token->second != "Bearer " + required_token))
    return plain(401, "RepoNotFound");
  const std::string api = "/api/models/" + repo_ + "/revision/";
  const std::string resolve = "/" + repo_ + "/resolve/" + kCommit + "/";
  if (request.target.starts_with(api)) {
    const std::string revision = request.target.substr(api.size());
    return list(revision.substr(0, revision.find('?')), revision.ends_with("?blobs=true"));
  }
  if (!request.target.starts_with(resolve)) return plain(404, "RepoNotFound");
  const auto file = files.find(request.target.substr(resolve.size()));
  if (file == files.end()) return plain(404, "EntryNotFound");
  if (request.method == "HEAD" && !answers_head) return plain(405);
  return give(file->second, request);
}

ScriptedReply FakeHub::list(const std::string& revision, bool with_blobs) const {
  if (listing) return *listing;
  const auto commit = revisions.find(revision);
  if (commit == revisions.end()) return plain(404, "RevisionNotFound");
  std::string siblings;
  for (const auto& [path, file] : files) {
    std::string blob;
    if (with_blobs && lists_blobs) {
      blob = fmt::format(R"(, "size": {}, "blobId": "{}")", file.content.size(), git_blob_sha1(file.content));
      if (file.is_lfs) blob += fmt::format(R"(, "lfs": {{"sha256": "{}"}})", sha256_of(file.content));
    }
    siblings += fmt::format("{}{{\"rfilename\": \"{}\"{}}}", siblings.empty() ? "" : ", ", path, blob);
  }
  ScriptedReply reply;
  reply.fields = {{"Content-Type", "application/json"}};
  reply.body =
      fmt::format(R"({{"id": "{}", "sha": "{}", "siblings": [{}]}})", repo_, commit->second, siblings);
  return reply;
}

ScriptedReply FakeHub::give(HubFile& file, const SeenRequest& request) {
  const bool is_get = request.method == "GET";
  if (is_get && file.breaks.empty() && !file.first.empty()) {
    ScriptedReply reply = std::move(file.first.front());
    file.first.pop_front();
    return reply;
  }
  ScriptedReply reply;
  reply.fields = {{"X-Repo-Commit", commit_said}};
  const std::string hash =
      file.hash.value_or(file.is_lfs ? sha256_of(file.content) : git_blob_sha1(file.content));
  if (!hash.empty()) reply.fields.emplace_back(file.is_lfs ? "X-Linked-Etag" : "ETag", in_quotes(hash));
  if (file.is_lfs) {
    reply.fields.emplace_back("X-Linked-Size", std::to_string(file.content.size()));
    // The tag of the store behind the hub: its own, and no hash.
    reply.fields.emplace_back("ETag", in_quotes("store-" + git_blob_sha1(file.content).substr(0, 8)));
  }
  if (!file.redirect.empty()) {
    reply.status = 302;
    reply.fields.emplace_back("Location", file.redirect);
    return reply;
  }
  reply.body = file.content;
  const auto range = request.headers.find("range");
  const auto tag = request.headers.find("if-range");
  const bool same_tag = tag == request.headers.end() ||
                        std::count(reply.fields.begin(), reply.fields.end(),
                                   std::pair<std::string, std::string>("ETag", tag->second)) != 0;
  if (is_get && same_tag && range != request.headers.end() && !file.ignores_range) {
    const std::size_t from = std::stoul(range->second.substr(range->second.find('=') + 1));
    if (from >= file.content.size()) return plain(416);
    reply.status = 206;
    reply.fields.emplace_back(
        "Content-Range", fmt::format("bytes {}-{}/{}", from, file.content.size() - 1, file.content.size()));
    reply.body = file.content.substr(from);
  }
  if (is_get && !file.breaks.empty()) {
    reply.break_after = file.breaks.front();
    file.breaks.pop_front();
  }
  return reply;
}

}  // namespace epicrisis::testing
