// SageMaker over HTTP as clients see it: real workers of a small model, a fake trainer, no credentials.
#include "api/sagemaker/sagemaker_service.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "base/files.hpp"
#include "base/json.hpp"
#include "checkpoint/archive.hpp"
#include "storage/artifacts/local_object_store.hpp"
#include "storage/metadata/database.hpp"
#include "support/fixtures.hpp"
#include "support/http_client.hpp"
#include "support/running_server.hpp"
#include "support/subprocess.hpp"

namespace epicrisis::api {
namespace {

namespace fs = std::filesystem;
using testing::HttpClient;
using testing::HttpReply;

const AwsScope kScope = {"eu-central-1", "000000000000"};
constexpr const char* kNote = R"({"inputs": "Pt c/o chest pain since this morning. Aspirin given."})";

/// What `epicrisis serve` has, without credentials: sends each request to the service that it names.
server::Router front_of(SageMakerService& service) {
  server::Router router;
  router.set_front([&service](const server::Request& head) {
    server::Route route;
    route.name = "sagemaker";
    const auto path = parse_runtime_path(head.path);
    if (path) {
      route.max_body_bytes = kMaxInvocationBytes;
      route.error_response = [](int status, std::string_view message) {
        return runtime_refusal(status, message);
      };
    }
    route.handler = [&service, path](server::Request request, std::stop_token stop,
                                     const server::Responder& responder) {
      if (path) return service.runtime(*path, std::move(request), std::move(stop), responder, kScope);
      const std::string target(request.headers.find("X-Amz-Target").value_or("SageMaker."));
      service.control(target.substr(std::string_view("SageMaker.").size()), std::move(request), responder,
                      kScope);
    };
    return route;
  });
  return router;
}

class SageMakerServiceTest : public ::testing::Test {
 protected:
  SageMakerServiceTest() {
    open();
    EXPECT_TRUE(objects_->create_bucket("clinic", "eu-central-1"));
    const fs::path model = testing::kept_fixtures_dir() / "pegasus" / "xsum-like";
    std::string archive;
    EXPECT_TRUE(write_tar_gz(*list_members(model), [&archive](std::span<const std::byte> bytes) {
      archive.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      return Result<void>();
    }));
    put("model.tar.gz", archive);
    put("broken.tar.gz", archive.substr(0, archive.size() / 2));
    put("data/train.csv", "note,summary\r\na,b\r\n");
  }
  ~SageMakerServiceTest() override { close(); }

  void open() {
    database_ = *storage::Database::open(folder_.path() / "metadata.sqlite", storage::metadata_migrations());
    objects_ = *storage::LocalObjectStore::open(folder_.path() / "buckets", *database_);
    SageMakerSettings settings;
    settings.folder = folder_.path();
    settings.worker_program = EPICRISIS_PROGRAM;
    settings.trainer_program = EPICRISIS_FAKE_TRAINER;
    settings.worker_threads = 1;
    service_ = std::make_unique<SageMakerService>(*database_, *objects_, settings, LogLines());
    ASSERT_TRUE(service_->restore());
    server_ = std::make_unique<testing::RunningServer>(front_of(*service_));
  }
  void close() {
    if (server_) server_->stop();
    if (service_) service_->stop();
    server_.reset();
    service_.reset();
    objects_.reset();
    database_.reset();
  }

  void put(const std::string& key, const std::string& bytes) {
    auto writer = *objects_->put("clinic", key);
    ASSERT_TRUE(writer->write(bytes));
    writer->finish();
    ASSERT_TRUE(writer->commit({}));
  }
  Json call(const std::string& operation, const Json& request, int status = 200) {
    const HttpReply reply = testing::fetch(server_->port(), "POST", "/", request.dump(),
                                           fmt::format("X-Amz-Target: SageMaker.{}\r\n", operation));
    EXPECT_EQ(reply.status, status) << operation << ": " << reply.body;
    return reply.body.empty() ? Json() : Json::parse(reply.body);
  }
  HttpReply invoke(const std::string& name, const std::string& body,
                   const std::string& action = "invocations", const std::string& fields = "") {
    return testing::fetch(server_->port(), "POST", fmt::format("/endpoints/{}/{}", name, action), body,
                          fields);
  }
  std::string status_of(const std::string& name) {
    return call("DescribeEndpoint", {{"EndpointName", name}}).value("EndpointStatus", "");
  }
  void wait_until_in_service(const std::string& name) {
    std::string status;
    while ((status = status_of(name)) != "InService") {
      ASSERT_NE(status, "Failed") << call("DescribeEndpoint", {{"EndpointName", name}});
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  void deploy(const std::string& name, const Json& config = Json::object()) {
    call("CreateModel",
         {{"ModelName", name},
          {"ExecutionRoleArn", "arn:aws:iam::000000000000:role/Notes"},
          {"PrimaryContainer",
           {{"ModelDataUrl", "s3://clinic/model.tar.gz"}, {"Environment", {{"HF_TASK", "summarization"}}}}}});
    Json request = config;
    request["EndpointConfigName"] = name;
    request["ProductionVariants"] = {{{"VariantName", "all"},
                                      {"ModelName", name},
                                      {"InitialInstanceCount", 1},
                                      {"InstanceType", "ml.m5.large"}}};
    call("CreateEndpointConfig", request);
    call("CreateEndpoint", {{"EndpointName", name}, {"EndpointConfigName", name}});
    wait_until_in_service(name);
  }

  TemporaryDirectory folder_ = *TemporaryDirectory::create();
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<storage::LocalObjectStore> objects_;
  std::unique_ptr<SageMakerService> service_;
  std::unique_ptr<testing::RunningServer> server_;
};

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
