#include <fmt/format.h>

#include <chrono>
#include <string>
#include <thread>

#include "api/sagemaker/service_fixture.hpp"
#include "support/subprocess.hpp"

namespace epicrisis::api {
namespace {

TEST_F(SageMakerServiceTest, Boto3FindsItAsThePublicService) {
  const testing::ProcessOutcome outcome =
      testing::run_process({"/usr/bin/python3", EPICRISIS_WALK,
                            fmt::format("http://127.0.0.1:{}", server_->port()), kScope.region});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
  EXPECT_EQ(outcome.output, "all as it should be\n");
}

TEST_F(SageMakerServiceTest, SpeaksJson11) {
  EXPECT_EQ(call("MakeCoffee", Json::object(), 400)["__type"], "UnknownOperationException");
  const HttpReply broken =
      testing::fetch(server_->port(), "POST", "/", "{\"a", "X-Amz-Target: SageMaker.ListModels\r\n");
  EXPECT_EQ(broken.status, 400);
  EXPECT_EQ(Json::parse(broken.body)["__type"], "SerializationException");
  EXPECT_EQ(broken.headers.at("content-type"), "application/x-amz-json-1.1");
  const Json wrong = call("DescribeModel", {{"ModelName", 7}}, 400);
  EXPECT_EQ(wrong["__type"], "SerializationException");
  const Json several = call("CreateModel", {{"ModelName", "Zebulon Quirke"}}, 400);
  EXPECT_TRUE(several["message"].get<std::string>().starts_with("2 validation errors detected: ")) << several;
  EXPECT_EQ(several.dump().find("Quirke"), std::string::npos) << "a refusal repeats what was sent";
}

TEST_F(SageMakerServiceTest, RefusesABodyThatIsTooLarge) {
  const HttpReply reply = invoke("notes", std::string(kMaxInvocationBytes + 1, 'a'));
  EXPECT_EQ(reply.status, 413);
  EXPECT_EQ(Json::parse(reply.body)["Message"], "HTTP content length exceeded 6291456 bytes.");
}

TEST_F(SageMakerServiceTest, StreamsEventsWhoseBytesAreTheWorkers) {
  deploy("notes");
  Json request = Json::parse(kNote);
  request["stream"] = true;
  const HttpReply reply = invoke("notes", request.dump(), "invocations-response-stream");
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.headers.at("content-type"), "application/vnd.amazon.eventstream");
  EXPECT_EQ(reply.headers.at("x-amzn-sagemaker-content-type"), "text/event-stream");
  std::string text;
  for (std::size_t at = 0; at < reply.body.size();) {
    const auto number = [&](std::size_t offset) {
      std::uint32_t value = 0;
      for (int i = 0; i < 4; ++i)
        value =
            value << 8U | static_cast<unsigned char>(reply.body[at + offset + static_cast<std::size_t>(i)]);
      return value;
    };
    const std::uint32_t total = number(0);
    const std::uint32_t headers = number(4);
    text += reply.body.substr(at + 12 + headers, total - headers - 16);
    at += total;
  }
  const std::size_t last = text.rfind("data: ");
  const std::string summary = Json::parse(text.substr(last + 6))["summary_text"];
  EXPECT_EQ(summary, Json::parse(invoke("notes", kNote).body)[0]["summary_text"]);
  const HttpReply refused = invoke("notes", "{", "invocations-response-stream");
  EXPECT_EQ(refused.status, 424);
  EXPECT_EQ(refused.headers.at("x-amzn-errortype"), "ModelError");
}

TEST_F(SageMakerServiceTest, ComesBackAfterARestartWithoutItsModelAndData) {
  deploy("notes");
  const std::string before = invoke("notes", kNote).body;
  call("DeleteModel", {{"ModelName", "notes"}});
  call("DeleteEndpointConfig", {{"EndpointConfigName", "notes"}});
  ASSERT_TRUE(objects_->remove("clinic", "model.tar.gz"));
  close();
  open();
  EXPECT_EQ(invoke("notes", kNote).body, before);  // waits for the worker
  wait_until_in_service("notes");
  call("DeleteEndpoint", {{"EndpointName", "notes"}});
  while (!call("ListEndpoints", Json::object())["Endpoints"].empty()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  std::size_t left = 1;
  while (left > 0) {
    left = static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_.path() / "artifacts"), {}));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

TEST_F(SageMakerServiceTest, InvokesLater) {
  const Json output = {{"S3OutputPath", "s3://clinic/later"}, {"S3FailurePath", "s3://clinic/failed"}};
  deploy("notes", {{"AsyncInferenceConfig", {{"OutputConfig", output}}}});
  put("input.json", kNote);
  const HttpReply reply =
      invoke("notes", "", "async-invocations",
             "X-Amzn-SageMaker-InputLocation: s3://clinic/input.json\r\nContent-Type: application/json\r\n");
  ASSERT_EQ(reply.status, 202) << reply.body;
  const std::string location = reply.headers.at("x-amzn-sagemaker-outputlocation");
  const std::string key = location.substr(std::string("s3://clinic/").size());
  Result<std::unique_ptr<storage::ObjectReader>> object = objects_->open("clinic", key);
  while (object && *object == nullptr) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    object = objects_->open("clinic", key);
  }
  ASSERT_TRUE(object);
  EXPECT_EQ(*(*object)->read(0, 1 << 20), invoke("notes", kNote).body);
}

}  // namespace
}  // namespace epicrisis::api
