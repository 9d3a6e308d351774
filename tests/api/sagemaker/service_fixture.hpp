// SageMaker over HTTP as clients see it: real workers of a small model, a fake trainer, no credentials.
#pragma once

#include "api/sagemaker/sagemaker_service.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
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

namespace fs = std::filesystem;
using testing::HttpClient;
using testing::HttpReply;

inline const AwsScope kScope = {"eu-central-1", "000000000000"};
inline constexpr const char* kNote = R"({"inputs": "Pt c/o chest pain since this morning. Aspirin given."})";

/// What `epicrisis serve` has, without credentials: sends each request to the service that it names.
inline server::Router front_of(SageMakerService& service) {
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
  void make_model(const std::string& name) {
    call("CreateModel",
         {{"ModelName", name},
          {"ExecutionRoleArn", "arn:aws:iam::000000000000:role/Notes"},
          {"PrimaryContainer",
           {{"ModelDataUrl", "s3://clinic/model.tar.gz"}, {"Environment", {{"HF_TASK", "summarization"}}}}}});
  }
  void deploy(const std::string& name, const Json& config = Json::object()) {
    make_model(name);
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
  std::optional<std::string> object(const std::string& key) {
    const auto reader = objects_->open("clinic", key);
    if (!reader || *reader == nullptr) return std::nullopt;
    return *(*reader)->read(0, (*reader)->info().size_bytes);
  }
  void transform(const std::string& name, const std::string& input, const std::string& type,
                 const Json& more = Json::object()) {
    Json request = {
        {"TransformJobName", name},
        {"ModelName", "notes"},
        {"TransformInput",
         {{"DataSource", {{"S3DataSource", {{"S3DataType", "S3Prefix"}, {"S3Uri", "s3://clinic/" + input}}}}},
          {"ContentType", type},
          {"SplitType", "Line"}}},
        {"TransformOutput",
         {{"S3OutputPath", "s3://clinic/" + name}, {"Accept", type}, {"AssembleWith", "Line"}}},
        {"TransformResources", {{"InstanceType", "ml.m5.large"}, {"InstanceCount", 1}}}};
    request.merge_patch(more);
    call("CreateTransformJob", request);
  }
  Json describe_transform(const std::string& name) {
    return call("DescribeTransformJob", {{"TransformJobName", name}});
  }
  Json ended(const std::string& name) {
    Json job = describe_transform(name);
    while (job["TransformJobStatus"] == "InProgress" || job["TransformJobStatus"] == "Stopping") {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      job = describe_transform(name);
    }
    return job;
  }

  TemporaryDirectory folder_ = *TemporaryDirectory::create();
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<storage::LocalObjectStore> objects_;
  std::unique_ptr<SageMakerService> service_;
  std::unique_ptr<testing::RunningServer> server_;
};

}  // namespace epicrisis::api
