#include "hub/pull_model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/files.hpp"
#include "checkpoint/checkpoint.hpp"
#include "support/fake_hub.hpp"
#include "support/fixtures.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using testing::FakeHub;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::ScriptedReply;
using testing::SeenRequest;

constexpr const char* kWeights = "model.safetensors";

fs::path kept() { return testing::kept_fixtures_dir() / "pegasus/xsum-like"; }

ScriptedReply status(int code, std::vector<std::pair<std::string, std::string>> fields = {}) {
  ScriptedReply reply;
  reply.status = code;
  reply.fields = std::move(fields);
  reply.body = "a page of HTML that no model file may ever become";
  return reply;
}

/// A hub with the kept model, a store, and no patience that takes time.
class Pull : public ::testing::Test {
 protected:
  Pull() {
    ::setenv("no_proxy", "*", 1);  // a proxy of the machine has no business between loopback and loopback
    hub_.add_folder(kept(),
                    {"config.json", "generation_config.json", kWeights, "pytorch_model.bin", "tokenizer.json",
                     "tokenizer_config.json", "special_tokens_map.json", "spiece.model", "expected.json"});
    options_.base_url = hub_.url();
    options_.sleep = [this](std::chrono::milliseconds delay) { waits_.push_back(delay.count()); };
  }
  Result<StoreOutcome> pull(const std::string& repository = "acme/ward-7") {
    return pull_model(store_, parse_repository_name(repository).value(), options_);
  }
  testing::HubFile& weights() { return hub_.files.at(kWeights); }
  void expect_refusal(ErrorCode code, const std::string& named) {
    const auto outcome = pull();
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, code) << outcome.error().to_line();
    EXPECT_THAT(outcome.error().to_line(), HasSubstr(named));
    EXPECT_THAT(store_.list()->models, IsEmpty());
  }
  /// Bytes of an unfinished download.
  std::uint64_t kept_bytes(const std::string& file) const {
    std::error_code ignored;
    for (const auto& entry : fs::recursive_directory_iterator(store_.root() / "downloads", ignored)) {
      if (entry.path().filename() == file + ".part") return entry.file_size();
    }
    return 0;
  }

  TemporaryDirectory folder_ = TemporaryDirectory::create().value();
  Store store_{folder_.path() / "store"};
  FakeHub hub_;
  PullOptions options_;
  std::vector<std::int64_t> waits_;
};

TEST_F(Pull, StoresTheModelWithItsOrigin) {
  const auto outcome = pull();
  ASSERT_TRUE(outcome) << outcome.error().to_line();
  EXPECT_TRUE(outcome->created);
  EXPECT_THAT(outcome->notes, IsEmpty());
  const Manifest& manifest = outcome->model.manifest;
  EXPECT_EQ(outcome->model.reference(), "ward-7@1");
  EXPECT_EQ(manifest.origin, (ModelOrigin{"pull", "", hub_.url(), "acme/ward-7", "main", FakeHub::kCommit}));
  ASSERT_EQ(manifest.files.size(), 7U);
  for (const StoredFile& file : manifest.files)
    EXPECT_TRUE(*read_file(outcome->model.files / file.path) == *read_file(kept() / file.path)) << file.path;
  EXPECT_TRUE(load_checkpoint(outcome->model.files));
  EXPECT_THAT(hub_.requests_for("pytorch_model.bin"), IsEmpty());
  EXPECT_THAT(hub_.requests_for("expected.json"), IsEmpty());
  EXPECT_THAT(waits_, IsEmpty());
  EXPECT_FALSE(fs::exists(store_.root() / "downloads") && !fs::is_empty(store_.root() / "downloads"));
}

TEST_F(Pull, AsksForNoFileOfACommitThatIsStored) {
  ASSERT_TRUE(pull());
  const std::size_t before = hub_.requests().size();
  const auto again = pull();
  ASSERT_TRUE(again) << again.error().to_line();
  EXPECT_FALSE(again->created);
  EXPECT_EQ(hub_.requests().size(), before + 1) << "more than the listing";
}

TEST_F(Pull, TakesAHubWithoutHead) {
  hub_.answers_head = false;
  const auto outcome = pull();
  ASSERT_TRUE(outcome) << outcome.error().to_line();
}

TEST_F(Pull, TakesFilesThatMatchAPattern) {
  hub_.files["onnx/notes.md"].content = "extra";
  options_.include_patterns = {"onnx/*"};
  const auto outcome = pull();
  ASSERT_TRUE(outcome) << outcome.error().to_line();
  EXPECT_EQ(*read_file(outcome->model.files / "onnx/notes.md"), "extra");
  options_.include_patterns = {"*.gguf"};
  EXPECT_THAT(pull().error().to_line(), HasSubstr("*.gguf"));
}

TEST_F(Pull, GoesOnWhereAConnectionBroke) {
  weights().breaks = {300'000, 200'000};
  const auto outcome = pull();
  ASSERT_TRUE(outcome) << outcome.error().to_line();
  const auto gets = hub_.requests_for(kWeights);
  ASSERT_EQ(gets.size(), 3U);
  EXPECT_EQ(gets[0].headers.count("range"), 0U);
  EXPECT_EQ(gets[1].headers.at("range"), "bytes=300000-");
  EXPECT_EQ(gets[2].headers.at("range"), "bytes=500000-");
  EXPECT_EQ(gets[1].headers.count("if-range"), 1U);
  std::size_t sent = 0;
  for (const SeenRequest& get : gets) sent += get.body_bytes_sent;
  EXPECT_EQ(sent, weights().content.size()) << "bytes were sent twice, or not at all";
  EXPECT_THAT(waits_, ElementsAre(1000, 1000));
}

TEST_F(Pull, GoesOnInTheNextRun) {
  weights().breaks = {300'000};
  options_.cancelled = [&] { return kept_bytes(kWeights) >= 300'000; };
  const auto stopped = pull();
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::kCancelled) << stopped.error().to_line();
  EXPECT_THAT(store_.list()->models, IsEmpty());
  EXPECT_EQ(kept_bytes(kWeights), 300'000U);

  options_.cancelled = nullptr;
  const std::size_t gets_before = hub_.requests_for("tokenizer.json").size();
  ASSERT_TRUE(pull());
  EXPECT_EQ(hub_.requests_for("tokenizer.json").size(), gets_before) << "a whole file was fetched again";
  EXPECT_EQ(hub_.requests_for(kWeights).back().headers.at("range"), "bytes=300000-");
}

TEST_F(Pull, StartsAfreshWhenRangesAreIgnored) {
  weights().breaks = {300'000};
  weights().ignores_range = true;
  const auto outcome = pull();
  ASSERT_TRUE(outcome) << outcome.error().to_line();
}

TEST_F(Pull, GivesUpWhenNothingMoreArrives) {
  weights().breaks.assign(100, 0);
  const auto outcome = pull();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(outcome.error().to_line(), HasSubstr("6 attempts"));
  EXPECT_THAT(waits_, ElementsAre(1000, 2000, 4000, 8000, 16000));
}

TEST_F(Pull, NothingIsStoredWithAWrongSha256) {
  weights().hash = std::string(64, 'e');
  expect_refusal(ErrorCode::kCorrupt, "SHA-256");
  EXPECT_EQ(kept_bytes(kWeights), 0U) << "the damaged file would be taken for a beginning";
}

TEST_F(Pull, NothingIsStoredWithAWrongGitHash) {
  hub_.files.at("tokenizer.json").hash = std::string(40, 'e');
  expect_refusal(ErrorCode::kCorrupt, "git SHA-1");
  EXPECT_THAT(hub_.requests_for(kWeights), IsEmpty());
  // What was right is not asked for again.
  hub_.files.at("tokenizer.json").hash.reset();
  ASSERT_TRUE(pull());
  EXPECT_EQ(hub_.requests_for("config.json").size(), 1U);
  EXPECT_EQ(hub_.requests_for("tokenizer.json").size(), 2U);
}

TEST_F(Pull, NotesAFileWithoutAHash) {
  hub_.files.at("tokenizer_config.json").hash = "";
  const auto outcome = pull();
  ASSERT_TRUE(outcome) << outcome.error().to_line();
  ASSERT_EQ(outcome->notes.size(), 1U);
  EXPECT_THAT(outcome->notes.front(), HasSubstr("tokenizer_config.json"));
}

TEST_F(Pull, SendsTheTokenToTheHubOnly) {
  const std::string content = weights().content;
  testing::ScriptedServer store([&](const SeenRequest&) {
    ScriptedReply reply;
    reply.body = content;
    return reply;
  });
  options_.token = hub_.required_token = "hf_secret";
  for (const std::string& host : {std::string("127.0.0.1"), std::string("localhost")}) {
    weights().redirect = store.url(host) + "/blob?signature=x";
    const auto outcome = pull();
    ASSERT_TRUE(outcome) << outcome.error().to_line();
    ASSERT_TRUE(store_.remove({"ward-7", {}}, true));
  }
  for (const SeenRequest& request : hub_.requests())
    EXPECT_EQ(request.headers.at("authorization"), "Bearer hf_secret");
  ASSERT_EQ(store.requests().size(), 2U);
  for (const SeenRequest& request : store.requests()) EXPECT_EQ(request.headers.count("authorization"), 0U);
}

TEST_F(Pull, BelievesHashesOfTheHubOnly) {
  const std::string content(weights().content.size(), 'x');
  testing::ScriptedServer store([&](const SeenRequest&) {
    ScriptedReply reply;
    reply.fields = {{"X-Linked-Etag", testing::sha256_of(content)}, {"ETag", testing::sha256_of(content)}};
    reply.body = content;
    return reply;
  });
  weights().redirect = store.url() + "/blob";
  expect_refusal(ErrorCode::kCorrupt, "SHA-256");
}

TEST_F(Pull, SaysWhatToDoAboutPermissions) {
  hub_.required_token = "hf_secret";
  expect_refusal(ErrorCode::kPermissionDenied, "HF_TOKEN");
  options_.token = "hf_wrong";
  expect_refusal(ErrorCode::kPermissionDenied, "is it valid");
  const auto line = pull().error().to_line();
  EXPECT_THAT(line, Not(HasSubstr("hf_wrong")));
  hub_.required_token.clear();
  hub_.listing = status(403, {{"X-Error-Code", "GatedRepo"}});
  expect_refusal(ErrorCode::kPermissionDenied, "conditions");
}

TEST_F(Pull, SaysWhatIsNotThere) {
  const auto model = pull("acme/nosuch");
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(model.error().to_line(), HasSubstr("acme/nosuch"));
  const auto revision = pull("acme/ward-7@v9");
  ASSERT_FALSE(revision);
  EXPECT_THAT(revision.error().to_line(), HasSubstr("v9"));
  hub_.files.erase("config.json");
  expect_refusal(ErrorCode::kNotFound, "config.json");
}

TEST_F(Pull, PinsARevision) {
  hub_.revisions.erase("main");
  EXPECT_FALSE(pull()) << "main is not there";
  hub_.revisions["refs%2Fpr%2F3"] = FakeHub::kCommit;  // as it stands in the path
  const auto outcome = pull("acme/ward-7@refs/pr/3");
  ASSERT_TRUE(outcome) << outcome.error().to_line();
  EXPECT_EQ(outcome->model.manifest.origin.revision, "refs/pr/3");
  EXPECT_EQ(outcome->model.manifest.origin.commit, FakeHub::kCommit);
}

TEST_F(Pull, WaitsAsLongAsTheHubAsks) {
  weights().first = {status(429, {{"Retry-After", "7"}}), status(503), status(500, {{"Retry-After", "0"}})};
  const auto outcome = pull();
  ASSERT_TRUE(outcome) << outcome.error().to_line();
  EXPECT_THAT(waits_, ElementsAre(7000, 2000, 0));
}

TEST_F(Pull, DoesNotWaitForever) {
  weights().first = {status(429, {{"Retry-After", "86400"}})};
  expect_refusal(ErrorCode::kUnavailable, "86400");
  EXPECT_THAT(waits_, IsEmpty());
}

class HostilePath : public Pull, public ::testing::WithParamInterface<const char*> {};

TEST_P(HostilePath, RefusesTheWholeListing) {
  hub_.listing = ScriptedReply{200,
                               {},
                               std::string(R"({"sha": "abc", "siblings": [{"rfilename": "config.json"},)") +
                                   R"({"rfilename": ")" + GetParam() + R"("}]})",
                               {}};
  expect_refusal(ErrorCode::kCorrupt, "would leave the folder");
  EXPECT_EQ(hub_.requests().size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(Names, HostilePath,
                         ::testing::Values("../evil", "/etc/passwd", "a/../../b", "a\\\\..\\\\b", "a\\u0000b",
                                           "", "a\\nb"));

TEST_F(Pull, RefusesAListingThatIsNone) {
  for (const char* text : {"", "[]", "{}", R"({"sha": "abc"})", R"({"sha": "", "siblings": []})",
                           R"({"sha": "../x", "siblings": []})", R"({"sha": "abc", "siblings": {}})",
                           R"({"sha": "abc", "siblings": [{"rfilename": 1}]})",
                           R"({"sha": "abc", "siblings": [{"rfilename": "a"}, {"rfilename": "a"}]})"}) {
    hub_.listing = ScriptedReply{200, {}, text, {}};
    expect_refusal(ErrorCode::kCorrupt, "list of files");
  }
}

TEST_F(Pull, RefusesAFamilyBeforeItsWeightsTravel) {
  std::string& config = hub_.files.at("config.json").content;
  config.replace(config.find("\"pegasus\""), 9, "\"quux_no\"");
  expect_refusal(ErrorCode::kUnsupported, "quux_no");
  EXPECT_THAT(hub_.requests_for(kWeights), IsEmpty());
  EXPECT_FALSE(fs::exists(store_.root() / "downloads") && !fs::is_empty(store_.root() / "downloads"));
}

TEST_F(Pull, AsksForRoomFirst) {
  hub_.listing = ScriptedReply{
      200,
      {},
      R"({"sha": "abc", "siblings": [{"rfilename": "config.json", "size": 9, "blobId": ")" +
          std::string(40, 'a') +
          R"("}, {"rfilename": "model.safetensors", "size": 1152921504606846976, "lfs": {"sha256": ")" +
          std::string(64, 'a') + R"("}}]})",
      {}};
  expect_refusal(ErrorCode::kResourceExhausted, "1152921504606846985");
  EXPECT_EQ(hub_.requests().size(), 1U);
}

TEST_F(Pull, OfflineSendsNothing) {
  options_.offline = true;
  expect_refusal(ErrorCode::kNotFound, "offline");
  options_.offline = false;
  ASSERT_TRUE(pull());
  const std::size_t before = hub_.requests().size();
  options_.offline = true;
  const auto found = pull();
  ASSERT_TRUE(found) << found.error().to_line();
  EXPECT_EQ(found->model.reference(), "ward-7@1");
  EXPECT_TRUE(pull(std::string("acme/ward-7@") + FakeHub::kCommit));
  EXPECT_FALSE(pull("acme/ward-7@v2"));
  EXPECT_FALSE(pull("other/ward-7")) << "the name is right, the repository is not";
  EXPECT_EQ(hub_.requests().size(), before);
}

TEST_F(Pull, TakesShardsByTheirIndex) {
  const fs::path sharded = testing::fixtures_dir() / "t5/flan-gated-untied-sharded";
  if (!fs::exists(sharded)) GTEST_SKIP() << "needs the shared fixtures";
  FakeHub hub;
  hub.add_folder(sharded,
                 {"config.json", "generation_config.json", "model.safetensors.index.json",
                  "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
                  "pytorch_model.bin.index.json", "pytorch_model-00001-of-00002.bin", "tokenizer.json",
                  "tokenizer_config.json", "special_tokens_map.json", "spiece.model"});
  hub.files["model-00003-of-00003.safetensors"].content = "of another sharding";
  options_.base_url = hub.url();
  const auto outcome = pull();
  EXPECT_THAT(hub.requests_for("model-00003-of-00003.safetensors"), IsEmpty());
  ASSERT_TRUE(outcome) << outcome.error().to_line();
  EXPECT_EQ(outcome->model.manifest.files.size(), 9U);
  EXPECT_EQ(hub.requests_for("model.safetensors.index.json").size(), 1U);
}

TEST_F(Pull, AFileOfAnotherCommitIsRefusedInEveryRun) {
  hub_.commit_said = std::string(40, 'b');
  for (int run = 0; run < 3; ++run) expect_refusal(ErrorCode::kCorrupt, "of another commit");
}

TEST_F(Pull, BlobsInTheListingSaveARequestForEachFile) {
  hub_.lists_blobs = true;
  ASSERT_TRUE(pull());
  EXPECT_THAT(hub_.requests_for("config.json", "HEAD"), IsEmpty());
}

TEST_F(Pull, AnotherVersionOfAStoredCommitIsRefused) {
  ASSERT_TRUE(pull());
  options_.version = "2";
  const auto outcome = pull();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kConflict);
  EXPECT_THAT(outcome.error().to_line(), HasSubstr("ward-7@1"));
}

TEST_F(Pull, NamesAShardThatIsNotThere) {
  hub_.files.erase(kWeights);
  hub_.files["model.safetensors.index.json"].content =
      R"({"weight_map": {"a": "model-00001-of-00001.safetensors"}})";
  expect_refusal(ErrorCode::kCorrupt, "model-00001-of-00001.safetensors");
}

TEST_F(Pull, VerifiesCertificates) {
  const testing::TlsIdentity identity = testing::make_tls_identity();
  FakeHub hub(identity);
  hub.files = hub_.files;
  options_.base_url = hub.url();
  expect_refusal(ErrorCode::kPermissionDenied, "--ca-file");
  EXPECT_THAT(hub.requests(), IsEmpty());
  EXPECT_THAT(waits_, IsEmpty());

  options_.ca_file = (folder_.path() / "ca.pem").string();
  write_file_atomically(options_.ca_file, identity.certificate).value();
  hub.files.at(kWeights).redirect = hub_.url() + "/blob";
  expect_refusal(ErrorCode::kPermissionDenied, "from https to http");
  EXPECT_THAT(hub_.requests(), IsEmpty());

  hub.files.at(kWeights).redirect.clear();
  hub.files.at(kWeights).breaks = {300'000};
  const auto outcome = pull();
  ASSERT_TRUE(outcome) << outcome.error().to_line();
}

TEST_F(Pull, RefusesBaseUrlsThatLeak) {
  for (const char* url : {"", "huggingface", "ftp://hub.example", "https://user:secret@hub.example",
                          "https://hub.example/?x=1"}) {
    options_.base_url = url;
    const auto outcome = pull();
    ASSERT_FALSE(outcome) << url;
    EXPECT_EQ(outcome.error().code, ErrorCode::kInvalidArgument) << url;
    EXPECT_THAT(outcome.error().to_line(), Not(HasSubstr("secret")));
  }
  options_.base_url = "http://hub.example";
  options_.token = "hf_secret";
  EXPECT_EQ(pull().error().code, ErrorCode::kPermissionDenied) << "the token would travel unencrypted";
}

TEST_F(Pull, SaysThatAHubCannotBeReached) {
  // Bound and not listening: nobody else can answer there either.
  const int bound = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ASSERT_EQ(::bind(bound, reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(::getsockname(bound, reinterpret_cast<sockaddr*>(&address), &length), 0);
  options_.base_url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  expect_refusal(ErrorCode::kUnavailable, options_.base_url);
  EXPECT_EQ(waits_.size(), 5U);
  ::close(bound);
}

}  // namespace
}  // namespace epicrisis
