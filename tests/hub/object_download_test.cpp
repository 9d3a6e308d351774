#include "hub/object_download.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/hmac.h>

#include <array>
#include <cstdlib>
#include <sstream>

#include "base/files.hpp"
#include "base/sha256.hpp"
#include "support/scripted_server.hpp"

namespace epicrisis {
namespace {

using ::testing::HasSubstr;
using testing::ScriptedReply;
using testing::ScriptedServer;
using testing::SeenRequest;

std::string hmac(const std::string& key, const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

std::string hex(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

std::string between(const std::string& text, const std::string& before, const std::string& after) {
  const std::size_t begin = text.find(before) + before.size();
  return text.substr(begin, text.find(after, begin) - begin);
}

/// The signature that a GET must carry: AWS's "Create a signed AWS API request", for S3.
std::string expected_signature(const SeenRequest& request, const std::string& secret) {
  const std::string& authorization = request.headers.at("authorization");
  const std::string scope =
      between(authorization, "Credential=", ",");  // key/date/region/service/aws4_request
  const std::string names = between(authorization, "SignedHeaders=", ",");
  std::string canonical = request.method + "\n" + request.target + "\n\n";
  std::istringstream list(names);
  for (std::string name; std::getline(list, name, ';');)
    canonical += name + ":" + request.headers.at(name) + "\n";
  canonical += "\n" + names + "\n" + request.headers.at("x-amz-content-sha256");
  const std::string dated = scope.substr(scope.find('/') + 1);
  const std::string to_sign = "AWS4-HMAC-SHA256\n" + request.headers.at("x-amz-date") + "\n" + dated + "\n" +
                              Sha256().update(canonical).hex();
  std::string key = "AWS4" + secret;
  std::istringstream parts(dated);
  for (std::string part; std::getline(parts, part, '/');) key = hmac(key, part);
  return hex(hmac(key, to_sign));
}

class ObjectDownload : public ::testing::Test {
 protected:
  ObjectStoreOptions options(const ScriptedServer& server) {
    ObjectStoreOptions made;
    made.endpoint = server.url();
    made.region = "eu-north-1";
    made.access_key_id = "AKIDEXAMPLE";
    made.secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    made.first_pause = std::chrono::milliseconds(1);
    return made;
  }
  TemporaryDirectory folder_ = TemporaryDirectory::create().value();
};

TEST_F(ObjectDownload, IsSignedAndBringsTheBytes) {
  const std::string content = "note,summary\nPain.,Pain.\n";
  const ScriptedServer server([&](const SeenRequest&) { return ScriptedReply{200, {}, content, {}}; });
  ObjectStoreOptions asked = options(server);
  asked.session_token = "token+/=";
  const auto file = download_object(asked, "ward-7", "2024/all notes+é.csv", folder_.path());
  ASSERT_TRUE(file) << file.error().to_line();
  EXPECT_EQ(file->filename(), "all notes+é.csv");
  EXPECT_EQ(read_file(*file).value(), content);
  ASSERT_EQ(server.requests().size(), 1U);
  const SeenRequest request = server.requests().front();
  EXPECT_EQ(request.target, "/ward-7/2024/all%20notes%2B%C3%A9.csv");
  EXPECT_EQ(request.headers.at("x-amz-security-token"), "token+/=");
  const std::string& authorization = request.headers.at("authorization");
  EXPECT_THAT(authorization, HasSubstr("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"));
  EXPECT_THAT(authorization, HasSubstr("/eu-north-1/s3/aws4_request"));
  for (const char* signed_field : {"host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"})
    EXPECT_THAT(between(authorization, "SignedHeaders=", ","), HasSubstr(signed_field));
  EXPECT_EQ(authorization.substr(authorization.find("Signature=") + 10),
            expected_signature(request, asked.secret_access_key));
}

TEST_F(ObjectDownload, TriesAgainWhenTheStoreIsBusyOrTheConnectionBreaks) {
  int count = 0;
  const ScriptedServer server([&](const SeenRequest&) {
    ++count;
    if (count == 1) return ScriptedReply{503, {}, "busy", {}};
    if (count == 2) return ScriptedReply{200, {}, "all of it", 3};
    return ScriptedReply{200, {}, "all of it", {}};
  });
  const auto file = download_object(options(server), "b", "a.csv", folder_.path());
  ASSERT_TRUE(file) << file.error().to_line();
  EXPECT_EQ(read_file(*file).value(), "all of it");
  EXPECT_EQ(count, 3);
}

TEST_F(ObjectDownload, RefusalsAreClearAndLeaveNothing) {
  ScriptedReply reply;
  const ScriptedServer server([&](const SeenRequest&) { return reply; });
  const auto refusal = [&](int status, std::vector<std::pair<std::string, std::string>> fields = {}) {
    reply = ScriptedReply{status, std::move(fields), "<Error>Canary</Error>", {}};
    const auto file = download_object(options(server), "b", "a.csv", folder_.path());
    EXPECT_FALSE(file) << status;
    EXPECT_THAT(file.error().to_line(), ::testing::Not(HasSubstr("Canary")));
    return file.error();
  };
  EXPECT_EQ(refusal(404).code, ErrorCode::kNotFound);
  EXPECT_EQ(refusal(403).code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(refusal(500).code, ErrorCode::kUnavailable);
  EXPECT_THAT(refusal(301, {{"x-amz-bucket-region", "us-west-2"}}).public_message, HasSubstr("us-west-2"));
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
  ObjectStoreOptions plain = options(server);
  plain.endpoint = "http://store.example";
  EXPECT_EQ(download_object(plain, "b", "a.csv", folder_.path()).error().code, ErrorCode::kPermissionDenied);
  EXPECT_FALSE(download_object(options(server), "b", "folder/..", folder_.path()));
}

TEST(ObjectStoreOptions, AreThoseOfAwsTools) {
  ::unsetenv("AWS_SECRET_ACCESS_KEY");
  ::setenv("AWS_ACCESS_KEY_ID", "key", 1);
  EXPECT_THAT(ObjectStoreOptions::from_environment().error().public_message,
              HasSubstr("AWS_SECRET_ACCESS_KEY"));
  ::setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
  ::setenv("AWS_ENDPOINT_URL", "https://general.example", 1);
  ::setenv("AWS_ENDPOINT_URL_S3", "https://store.example", 1);
  ::setenv("AWS_DEFAULT_REGION", "eu-west-1", 1);
  ::unsetenv("AWS_REGION");
  const auto options = ObjectStoreOptions::from_environment();
  ASSERT_TRUE(options);
  EXPECT_EQ(options->endpoint, "https://store.example");
  EXPECT_EQ(options->region, "eu-west-1");
}

}  // namespace
}  // namespace epicrisis
