// `epicrisis serve` as a process, for tests that talk to it as clients do.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/files.hpp"
#include "base/json.hpp"
#include "support/subprocess.hpp"

namespace epicrisis::testing {

struct Key {
  std::string id;
  std::string secret;
};

class RunningControlPlane {
 public:
  explicit RunningControlPlane(const std::filesystem::path& data, const std::vector<std::string>& more = {},
                               const ProcessOptions& options = {})
      : process_(command(data, more), options) {
    const std::string mark = "listening on ";
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    std::string output;
    do {
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error(process_.errors());
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      output = process_.output();
    } while (output.find(mark) == std::string::npos || output.back() != '\n');
    url_ = output.substr(output.find(mark) + mark.size());
    url_.pop_back();
    port_ = static_cast<std::uint16_t>(std::stoi(url_.substr(url_.rfind(':') + 1)));
  }
  const std::string& url() const { return url_; }
  std::uint16_t port() const { return port_; }
  Subprocess& process() { return process_; }
  ProcessOutcome end(int signal = SIGTERM) {
    process_.send_signal(signal);
    return process_.wait(std::chrono::seconds(60));
  }

 private:
  static std::vector<std::string> command(const std::filesystem::path& data,
                                          const std::vector<std::string>& more) {
    std::vector<std::string> whole = {EPICRISIS_PROGRAM, "serve",    "--data",
                                      data.string(),     "--listen", "127.0.0.1:0"};
    whole.insert(whole.end(), more.begin(), more.end());
    return whole;
  }
  Subprocess process_;
  std::string url_;
  std::uint16_t port_ = 0;
};

class ServeCommand : public ::testing::Test {
 protected:
  std::filesystem::path data() const { return temporary_.path() / "data"; }
  Key make_key(const std::string& role) const {
    const ProcessOutcome made = run_process(
        {EPICRISIS_PROGRAM, "key", "create", "--data", data().string(), "--role", role, "--json"});
    EXPECT_EQ(made.exit_code, 0) << made.errors;
    const Json key = Json::parse(made.output);
    return {key.at("access_key_id"), key.at("secret_access_key")};
  }
  static ProcessOutcome aws(const RunningControlPlane& server, const Key& key,
                            std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"aws", "--endpoint-url", server.url()});
    arguments.front() = "/usr/bin/aws";
    ProcessOptions options;
    options.environment = {{"AWS_ACCESS_KEY_ID", key.id},
                           {"AWS_SECRET_ACCESS_KEY", key.secret},
                           {"AWS_DEFAULT_REGION", "us-east-1"},
                           {"AWS_EC2_METADATA_DISABLED", "true"}};
    return run_process(arguments, options);
  }
  TemporaryDirectory temporary_ = *TemporaryDirectory::create();
};

}  // namespace epicrisis::testing
