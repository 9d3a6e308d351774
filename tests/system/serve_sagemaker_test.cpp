// SageMaker of `epicrisis serve`, as the AWS CLI and boto3 find it, with real workers and trainers.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/files.hpp"
#include "base/json.hpp"
#include "support/fixtures.hpp"
#include "support/http_client.hpp"
#include "support/shell_block.hpp"
#include "support/subprocess.hpp"
#include "system/control_plane.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;
using testing::Key;
using testing::ProcessOptions;
using testing::ProcessOutcome;
using testing::run_process;
using testing::RunningControlPlane;

constexpr const char* kSentinel = "Zebulon Quirke has a wooden leg";

class ServeSageMaker : public testing::ServeCommand {
 protected:
  fs::path archive() const { return temporary_.path() / "model.tar.gz"; }
  void pack(const fs::path& model) const {
    const ProcessOutcome packed =
        run_process({EPICRISIS_PROGRAM, "package", model.string(), "-o", archive().string()});
    ASSERT_EQ(packed.exit_code, 0) << packed.errors;
  }
  /// Models of the hub that servers of this test offer.
  ProcessOptions hub() const {
    ProcessOptions options;
    options.environment = {{"EPICRISIS_HUB", (temporary_.path() / "hub").string()}};
    return options;
  }
  void deploy(const RunningControlPlane& server, const Key& key, const std::string& name) {
    const std::string role = "arn:aws:iam::000000000000:role/Notes";
    const std::string variant =
        fmt::format("VariantName=all,ModelName={},InitialInstanceCount=1,InstanceType=ml.m5.large", name);
    const std::vector<std::vector<std::string>> steps = {
        {"s3", "mb", "s3://clinic"},
        {"s3", "cp", "--quiet", archive().string(), "s3://clinic/model.tar.gz"},
        {"sagemaker", "create-model", "--model-name", name, "--execution-role-arn", role,
         "--primary-container", "Image=x,ModelDataUrl=s3://clinic/model.tar.gz"},
        {"sagemaker", "create-endpoint-config", "--endpoint-config-name", name, "--production-variants",
         variant},
        {"sagemaker", "create-endpoint", "--endpoint-name", name, "--endpoint-config-name", name}};
    for (const std::vector<std::string>& step : steps) {
      const ProcessOutcome outcome = aws(server, key, step);
      ASSERT_EQ(outcome.exit_code, 0) << step[1] << ": " << outcome.errors;
    }
    wait_until_in_service(server, key, name);
  }
  void wait_until_in_service(const RunningControlPlane& server, const Key& key, const std::string& name) {
    std::string status;
    while (status != "InService") {
      const ProcessOutcome outcome =
          aws(server, key, {"sagemaker", "describe-endpoint", "--endpoint-name", name});
      ASSERT_EQ(outcome.exit_code, 0) << outcome.errors;
      status = Json::parse(outcome.output).value("EndpointStatus", "");
      ASSERT_NE(status, "Failed") << outcome.output;
    }
  }
  std::string invoke(const RunningControlPlane& server, const Key& key, const std::string& name) {
    const fs::path answer = temporary_.path() / "answer.json";
    const ProcessOutcome outcome =
        aws(server, key,
            {"sagemaker-runtime", "invoke-endpoint", "--endpoint-name", name, "--content-type",
             "application/json", "--cli-binary-format", "raw-in-base64-out", "--body",
             R"({"inputs": "Pt c/o chest pain. Aspirin given."})", answer.string()});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
    const Result<std::string> text = read_file(answer);
    return text ? *text : std::string();
  }
  /// Files below the data folder, but for objects, that hold `text`.
  std::vector<std::string> files_with(const std::string& text) const {
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(data())) {
      const std::string name = fs::relative(entry.path(), data()).string();
      if (!entry.is_regular_file() || name.starts_with("buckets")) continue;
      const Result<std::string> bytes = read_file(entry.path());
      if (bytes && bytes->find(text) != std::string::npos) found.push_back(name);
    }
    return found;
  }
};

TEST_F(ServeSageMaker, BotoWalksItAndNoNoteIsLeftAnywhere) {
  pack(testing::kept_fixtures_dir() / "pegasus" / "xsum-like");
  const ProcessOutcome imported =
      run_process({EPICRISIS_PROGRAM, "hub", "import",
                   (testing::kept_fixtures_dir() / "t5" / "v1_0-relu-tied").string(), "--name", "small-t5"},
                  hub());
  ASSERT_EQ(imported.exit_code, 0) << imported.errors;
  const Key admin = make_key("admin");
  const Key clinician = make_key("clinician");
  RunningControlPlane server(data(), {"--jumpstart-alias", "huggingface-text2text-flan-t5-xl=small-t5"},
                             hub());
  ProcessOptions options;
  options.timeout = std::chrono::seconds(280);
  const ProcessOutcome walked =
      run_process({"/usr/bin/python3", "tests/system/sagemaker_client_walk.py", server.url(), admin.id,
                   admin.secret, clinician.id, clinician.secret, archive().string(), kSentinel},
                  options);
  EXPECT_EQ(walked.exit_code, 0) << walked.output << walked.errors;
  const std::string metrics = testing::fetch(server.port(), "GET", "/metrics").body;
  EXPECT_NE(metrics.find("InvokeEndpoint"), std::string::npos);
  EXPECT_EQ(metrics.find(kSentinel), std::string::npos);
  const ProcessOutcome ended = server.end();
  EXPECT_EQ(ended.exit_code, 0) << ended.errors;
  EXPECT_EQ(ended.errors.find("Quirke"), std::string::npos) << "a note is in the server's log";
  EXPECT_EQ(files_with("Quirke"), std::vector<std::string>());
  const ProcessOutcome audit = run_process({EPICRISIS_PROGRAM, "audit", "export", "--data", data().string()});
  EXPECT_EQ(audit.exit_code, 0) << audit.errors;
  EXPECT_NE(audit.output.find("arn:aws:sagemaker:us-east-1:000000000000:endpoint/notes"), std::string::npos);
  EXPECT_EQ(audit.output.find("Quirke"), std::string::npos);
}

TEST_F(ServeSageMaker, EndpointsComeBackAfterSigkillAndCleanUpRemovesThem) {
  pack(testing::kept_fixtures_dir() / "pegasus" / "xsum-like");
  const Key key = make_key("admin");
  std::string before;
  {
    RunningControlPlane server(data());
    deploy(server, key, "notes");
    before = invoke(server, key, "notes");
    EXPECT_NE(before.find("generated_text"), std::string::npos) << before;
    server.end(SIGKILL);
  }
  RunningControlPlane again(data());
  EXPECT_EQ(invoke(again, key, "notes"), before);  // waits for the worker
  const auto cleanup = [&](const std::string& how) {
    return run_process({EPICRISIS_PROGRAM, "cleanup", "--data", data().string(), how, "--json"});
  };
  const ProcessOutcome listed = cleanup("--dry-run");
  EXPECT_EQ(listed.exit_code, 0) << listed.errors;
  const Json endpoint = Json::parse(listed.output.substr(0, listed.output.find('\n')));
  EXPECT_EQ(endpoint["kind"], "endpoint");
  EXPECT_GT(endpoint["memory_bytes"], 0);
  EXPECT_GT(endpoint["disk_bytes"], 0);
  EXPECT_EQ(std::count(listed.output.begin(), listed.output.end(), '\n'), 3) << listed.output;
  EXPECT_EQ(cleanup("--yes").exit_code, 0);
  EXPECT_EQ(again.end().exit_code, 0);
  const ProcessOutcome left = cleanup("--dry-run");  // now without a server
  EXPECT_EQ(left.exit_code, 0) << left.errors;
  EXPECT_EQ(left.output, "");
}

constexpr const char* kManyCalls = R"(
import sys, boto3
from botocore.config import Config
from botocore.exceptions import ClientError
client = lambda name: boto3.client(name, endpoint_url=sys.argv[1], config=Config(retries={"max_attempts": 0}))
seen = set()
for call in [client("sagemaker").list_models, client("s3").list_buckets] * 10:
    try:
        call()
    except ClientError as error:
        seen.add((error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]))
print(sorted(seen))
)";

TEST_F(ServeSageMaker, LimitsTheRateOfAKey) {
  const Key key = make_key("engineer");
  RunningControlPlane server(data(), {"--rate-limit", "1"});
  ProcessOptions options;
  options.environment = {{"AWS_ACCESS_KEY_ID", key.id},
                         {"AWS_SECRET_ACCESS_KEY", key.secret},
                         {"AWS_DEFAULT_REGION", "us-east-1"}};
  const ProcessOutcome outcome = run_process({"/usr/bin/python3", "-c", kManyCalls, server.url()}, options);
  EXPECT_EQ(outcome.output, "[('SlowDown', 503), ('ThrottlingException', 400)]\n") << outcome.errors;
}

/// The commands of docs/aws.md as they stand there, and the script that goes with them, for a few steps only.
TEST_F(ServeSageMaker, TheDocumentedWayWorks) {
  const fs::path document = testing::source_dir() / "docs" / "aws.md";
  const auto lines = testing::shell_block_after(document, "## The whole way: train, deploy, ask, clean up");
  ASSERT_GE(lines.size(), 30U);
  const std::string url = fmt::format("http://127.0.0.1:{}", testing::free_port());
  std::string script = "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n";
  for (const std::string& line : lines) script += line + "\n";
  testing::replace_all(script, "http://127.0.0.1:8080", url);
  testing::replace_all(script, "127.0.0.1:8080", url.substr(std::string("http://").size()));
  testing::replace_all(script, "max_steps=100,per_device_train_batch_size=4",
                       "max_steps=2,per_device_train_batch_size=2");
  testing::replace_all(script, "package my-model",
                       "package " + (testing::source_dir() / "models" / "epicrisis-mini-base").string());
  const std::string example = (testing::source_dir() / "examples" / "aws_journey.py").string();
  script += fmt::format("/usr/bin/python3 {} {} train.csv model.tar.gz\n", example, url);
  ProcessOptions options;
  options.working_directory = temporary_.path();
  options.environment = {{"PATH", fs::path(EPICRISIS_PROGRAM).parent_path().string() + ":/usr/bin:/bin"},
                         {"AWS_EC2_METADATA_DISABLED", "true"}};
  options.timeout = std::chrono::seconds(280);
  const ProcessOutcome outcome = run_process({"/bin/bash", "-c", script}, options);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output << outcome.errors;
  EXPECT_NE(outcome.output.find("summary_text"), std::string::npos) << outcome.output;
  EXPECT_NE(outcome.output.find("trained: train:loss"), std::string::npos) << outcome.output;
}

}  // namespace
}  // namespace epicrisis
