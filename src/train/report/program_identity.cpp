#include "train/report/program_identity.hpp"

#include <ATen/Parallel.h>
#include <torch/csrc/api/include/torch/version.h>

#include <fstream>
#include <thread>

namespace epicrisis::train {
namespace {

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

}  // namespace

std::vector<std::pair<std::string, std::string>> program_identity() {
  return {{"Epicrisis", EPICRISIS_VERSION},
          {"LibTorch", TORCH_VERSION},
          {"processor", processor_name()},
          {"processors", std::to_string(std::thread::hardware_concurrency())},
          {"threads", std::to_string(at::get_num_threads())}};
}

}  // namespace epicrisis::train
