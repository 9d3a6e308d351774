#include "api/aws/sigv4.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <ctime>

#include "api/aws/aws_chunked.hpp"
#include "base/digest.hpp"

namespace epicrisis::api::aws {
namespace {

// Values that AWS publishes: the SigV4 test suite (aws-sig-v4-test-suite, service "service", us-east-1,
// 20150830T123600Z) and the examples of "Authenticating Requests" in the S3 API reference (20130524T000000Z).
constexpr std::string_view kSuiteSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
constexpr std::string_view kS3Secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
constexpr std::string_view kEmptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::chrono::system_clock::time_point time_of(const char* timestamp) {
  std::tm time{};
  ::strptime(timestamp, "%Y%m%dT%H%M%SZ", &time);
  return std::chrono::system_clock::from_time_t(::timegm(&time));
}

server::Headers headers_of(std::initializer_list<std::pair<const char*, const char*>> fields) {
  server::Headers headers;
  for (const auto& [name, value] : fields) headers.add(name, value);
  return headers;
}

struct SuiteCase {
  const char* name;
  const char* method;
  const char* path;
  const char* query;
  std::vector<std::pair<const char*, const char*>> fields;
  const char* signed_headers;
  const char* signature;
};

class Suite : public ::testing::TestWithParam<SuiteCase> {};

TEST_P(Suite, TheSignatureIsFoundRightAndAnyOtherWrong) {
  const SuiteCase& c = GetParam();
  server::Headers headers;
  headers.add("Host", "example.amazonaws.com");
  for (const auto& [name, value] : c.fields) headers.add(name, value);
  headers.add("X-Amz-Date", "20150830T123600Z");
  headers.add("Authorization",
              fmt::format("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
                          "SignedHeaders={}, Signature={}",
                          c.signed_headers, c.signature));
  const RequestView request{c.method, c.path, c.query, headers};
  const auto parsed = parse_signature(request);
  ASSERT_TRUE(std::holds_alternative<Signature>(parsed));
  const Signature& signature = std::get<Signature>(parsed);
  EXPECT_EQ(check_head(request, signature, time_of("20150830T123600Z")), std::nullopt);
  const std::string key = signing_key(kSuiteSecret, signature.scope);
  EXPECT_TRUE(verify(request, signature, key, kEmptyHash))
      << canonical_request(request, signature, kEmptyHash);
  EXPECT_FALSE(verify(request, signature, signing_key("other", signature.scope), kEmptyHash));
  const RequestView other{"PUT", c.path, c.query, headers};
  EXPECT_FALSE(verify(other, signature, key, kEmptyHash));
}

INSTANTIATE_TEST_SUITE_P(
    Aws, Suite,
    ::testing::Values(SuiteCase{"get_vanilla",
                                "GET",
                                "/",
                                "",
                                {},
                                "host;x-amz-date",
                                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
                      SuiteCase{"post_vanilla",
                                "POST",
                                "/",
                                "",
                                {},
                                "host;x-amz-date",
                                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
                      SuiteCase{"query_order",
                                "GET",
                                "/",
                                "Param2=value2&Param1=value1",
                                {},
                                "host;x-amz-date",
                                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
                      SuiteCase{"header_value_trim",
                                "GET",
                                "/",
                                "",
                                {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}},
                                "host;my-header1;my-header2;x-amz-date",
                                "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"}),
    [](const auto& each) { return std::string(each.param.name); });

Signature s3_signature(const server::Headers& headers, const char* path, const char* query) {
  const auto parsed = parse_signature({"GET", path, query, headers});
  EXPECT_TRUE(std::holds_alternative<Signature>(parsed));
  return std::holds_alternative<Signature>(parsed) ? std::get<Signature>(parsed) : Signature();
}

TEST(S3Signature, ObjectWithRange) {
  const auto headers = headers_of(
      {{"Host", "examplebucket.s3.amazonaws.com"},
       {"Range", "bytes=0-9"},
       {"x-amz-content-sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
       {"x-amz-date", "20130524T000000Z"},
       {"Authorization",
        "AWS4-HMAC-SHA256 "
        "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=host;"
        "range;x-amz-content-sha256;x-amz-date,Signature="
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"}});
  const Signature signature = s3_signature(headers, "/test.txt", "");
  EXPECT_TRUE(verify({"GET", "/test.txt", "", headers}, signature, signing_key(kS3Secret, signature.scope),
                     signature.payload_hash));
}

constexpr const char* kPresigned =
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%"
    "2Faws4_request"
    "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
    "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";

TEST(S3Signature, PresignedUrlHoldsUntilItExpires) {
  const auto headers = headers_of({{"Host", "examplebucket.s3.amazonaws.com"}});
  const RequestView request{"GET", "/test.txt", kPresigned, headers};
  const Signature signature = s3_signature(headers, "/test.txt", kPresigned);
  EXPECT_TRUE(verify(request, signature, signing_key(kS3Secret, signature.scope), kUnsignedPayload));
  EXPECT_EQ(check_head(request, signature, time_of("20130524T235959Z")), std::nullopt);
  EXPECT_EQ(check_head(request, signature, time_of("20130525T000001Z")), SignatureFault::kExpired);
}

TEST(SignatureFaults, AreToldApart) {
  const auto fault = [](const server::Headers& headers, const char* query) {
    const auto parsed = parse_signature({"GET", "/", query, headers});
    const auto* found = std::get_if<SignatureFault>(&parsed);
    return found == nullptr ? std::nullopt : std::optional(*found);
  };
  EXPECT_EQ(fault({}, ""), SignatureFault::kMissing);
  EXPECT_EQ(fault(headers_of({{"Authorization", "AWS a:b"}}), ""), SignatureFault::kUnsupported);
  EXPECT_EQ(fault(headers_of({{"Authorization", "AWS4-HMAC-SHA256 Credential=a"}}), ""),
            SignatureFault::kUnreadable);
  EXPECT_EQ(fault({}, "AWSAccessKeyId=a&Signature=b&Expires=1"), SignatureFault::kUnsupported);
  EXPECT_EQ(fault({}, "X-Amz-Algorithm=AWS4-HMAC-SHA256"), SignatureFault::kBadParameters);
}

// "Signature Calculations for the Authorization Header: Transferring Payload in Multiple Chunks": 66,560
// times 'a'.
ChunkSigner example_signer() {
  const CredentialScope scope{"AKIAIOSFODNN7EXAMPLE", "20130524", "us-east-1", "s3"};
  return {signing_key(kS3Secret, scope), "20130524T000000Z", scope.to_string(),
          "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"};
}

std::string example_body() {
  return "10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n" +
         std::string(65536, 'a') +
         "\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n" +
         std::string(1024, 'a') +
         "\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n";
}

Result<void> decode(const std::string& body, std::size_t step, std::string& out) {
  ChunkedDecoder decoder(example_signer(), false);
  for (std::size_t at = 0; at < body.size(); at += step) {
    EPICRISIS_RETURN_IF_ERROR(
        decoder.feed(std::string_view(body).substr(at, step), [&](std::string_view piece) {
          out += piece;
          return Result<void>();
        }));
  }
  return decoder.finish();
}

TEST(ChunkedDecoder, TakesTheExampleOfAwsHoweverItIsCut) {
  for (const std::size_t step :
       {std::size_t{1}, std::size_t{7}, std::size_t{65537}, std::size_t{1'000'000}}) {
    std::string out;
    EXPECT_TRUE(decode(example_body(), step, out).has_value()) << step;
    EXPECT_EQ(out, std::string(66560, 'a'));
  }
}

TEST(ChunkedDecoder, RefusesAnyAlteredOrMissingByte) {
  for (const std::size_t at : {std::size_t{0}, std::size_t{30}, std::size_t{500}, std::size_t{65700}}) {
    std::string altered = example_body();
    altered[at] = altered[at] == 'b' ? 'c' : 'b';
    std::string out;
    EXPECT_FALSE(decode(altered, 4096, out).has_value()) << at;
  }
  std::string out;
  EXPECT_FALSE(decode(example_body().substr(0, 66000), 4096, out).has_value());
}

TEST(ChunkedDecoder, ReadsATrailerWithoutSignatures) {
  ChunkedDecoder decoder(std::nullopt, true);
  std::string out;
  const auto take = [&](std::string_view piece) {
    out += piece;
    return Result<void>();
  };
  EXPECT_TRUE(decoder.feed("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", take).has_value());
  EXPECT_TRUE(decoder.finish().has_value());
  EXPECT_EQ(out, "hello");
  EXPECT_EQ(decoder.trailer().at("x-amz-checksum-crc32"), "NhCmhg==");
}

}  // namespace
}  // namespace epicrisis::api::aws
