// `epicrisis serve` as a process, driven by the clients that people have: the AWS CLI and boto3.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "base/files.hpp"
#include "support/http_client.hpp"
#include "support/subprocess.hpp"
#include "support/tls_identity.hpp"
#include "system/control_plane.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;
using testing::fetch;
using testing::Key;
using testing::ProcessOutcome;
using testing::run_process;
using testing::RunningControlPlane;

class ServeCommand : public testing::ServeCommand {};

TEST_F(ServeCommand, BotoWalksEveryOperation) {
  const Key admin = make_key("admin");
  const Key clinician = make_key("clinician");
  RunningControlPlane server(data());
  const ProcessOutcome walked =
      run_process({"/usr/bin/python3", "tests/system/s3_client_walk.py", server.url(), admin.id, admin.secret,
                   clinician.id, clinician.secret});
  EXPECT_EQ(walked.exit_code, 0) << walked.output << walked.errors;
  const ProcessOutcome ended = server.end();
  EXPECT_EQ(ended.exit_code, 0) << ended.errors;
  EXPECT_EQ(ended.errors.find(admin.secret), std::string::npos);
  EXPECT_EQ(ended.errors.find("pre%20signed"), std::string::npos) << "keys of objects are not for the log";
  const ProcessOutcome audit = run_process({EPICRISIS_PROGRAM, "audit", "verify", "--data", data().string()});
  EXPECT_EQ(audit.exit_code, 0) << audit.errors;
}

TEST_F(ServeCommand, TheFirstStartShowsAKeyOnceAndTheCliUsesIt) {
  Key key;
  {
    RunningControlPlane server(data());
    const std::string output = server.process().output();
    const auto value = [&](const std::string& name) {
      const std::size_t begin = output.find(name) + name.size();
      return output.substr(begin, output.find('\n', begin) - begin);
    };
    key = {value("AWS_ACCESS_KEY_ID="), value("AWS_SECRET_ACCESS_KEY=")};
    const fs::path file = temporary_.path() / "notes.csv";
    ASSERT_TRUE(write_file_atomically(file, "note,summary\n").has_value());
    EXPECT_EQ(aws(server, key, {"s3", "mb", "s3://notes"}).exit_code, 0);
    const ProcessOutcome copied = aws(server, key, {"s3", "cp", file.string(), "s3://notes/train/notes.csv"});
    EXPECT_EQ(copied.exit_code, 0) << copied.errors;
    const ProcessOutcome listed = aws(server, key, {"s3", "ls", "s3://notes/train/"});
    EXPECT_NE(listed.output.find("13 notes.csv"), std::string::npos) << listed.output << listed.errors;
    EXPECT_EQ(server.end(SIGKILL).exit_code, 128 + SIGKILL);
  }
  RunningControlPlane again(data());
  EXPECT_EQ(again.process().output().find("AWS_"), std::string::npos);
  EXPECT_EQ(aws(again, key, {"s3", "cp", "s3://notes/train/notes.csv", "-"}).output, "note,summary\n");
  EXPECT_EQ(run_process({EPICRISIS_PROGRAM, "key", "disable", key.id, "--data", data().string()}).exit_code,
            0);
  const ProcessOutcome refused = aws(again, key, {"sts", "get-caller-identity"});
  EXPECT_NE(refused.errors.find("InvalidClientTokenId"), std::string::npos) << refused.errors;
}

TEST_F(ServeCommand, ListensOffLoopbackOnlyWithTls) {
  const ProcessOutcome refused =
      run_process({EPICRISIS_PROGRAM, "serve", "--data", data().string(), "--listen", "0.0.0.0:0"});
  EXPECT_EQ(refused.exit_code, 2) << refused.errors;
  const auto identity = testing::make_tls_identity();
  const std::string certificate = (temporary_.path() / "cert.pem").string();
  const std::string key = (temporary_.path() / "key.pem").string();
  ASSERT_TRUE(write_file_atomically(certificate, identity.certificate).has_value());
  ASSERT_TRUE(write_file_atomically(key, identity.key).has_value());
  RunningControlPlane server(data(), {"--tls-cert", certificate, "--tls-key", key});
  EXPECT_TRUE(server.url().starts_with("https://"));
  const ProcessOutcome got = run_process(
      {"/usr/bin/curl", "-sS", "--cacert", certificate, server.url() + "/healthz", server.url() + "/readyz"});
  EXPECT_EQ(got.output, "ok\nready\n") << got.errors;
  EXPECT_EQ(server.end().exit_code, 0);
}

TEST_F(ServeCommand, ASecondServerOnTheSameFolderIsRefused) {
  RunningControlPlane server(data());
  const ProcessOutcome refused =
      run_process({EPICRISIS_PROGRAM, "serve", "--data", data().string(), "--listen", "127.0.0.1:0"});
  EXPECT_EQ(refused.exit_code, 1) << refused.errors;
  EXPECT_EQ(fetch(server.port(), "GET", "/readyz").status, 200);
}

}  // namespace
}  // namespace epicrisis
