#include "train/distributed/process_group.hpp"

#include <ATen/ATen.h>
#include <torch/csrc/distributed/c10d/FileStore.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#ifdef USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include <chrono>
#include <cstdlib>
#include <exception>
#include <utility>
#include <vector>

namespace epicrisis::train {
namespace {

using Gloo = c10d::ProcessGroupGloo;

/// Tokenizing on rank 0 and writing a checkpoint are waited for; a process that ends is noticed at once.
constexpr std::chrono::milliseconds kLongestWait = std::chrono::hours(2);
constexpr std::chrono::milliseconds kLongestMeeting = std::chrono::minutes(15);
constexpr const char* kLostContact =
    "Another process of this run has ended or cannot be reached; look at what it said, and go on with "
    "--resume-from-checkpoint last.";

/// The first line of what LibTorch says: a stack trace may follow.
Error lost_contact(const std::exception& failure) {
  const std::string what = failure.what();
  return {ErrorCode::kUnavailable, kLostContact, what.substr(0, what.find('\n'))};
}

/// Runs what may throw because a peer is gone.
template <class Work>
Result<void> guarded(bool& broken, Work work) {
  try {
    work();
    return {};
  } catch (const std::exception& failure) {
    broken = true;
    return lost_contact(failure);
  }
}

c10::intrusive_ptr<c10d::Store> meet(const ProcessPlace& place) {
  c10::intrusive_ptr<c10d::Store> store;
  if (!place.meeting_file.empty()) {
    store = c10::make_intrusive<c10d::FileStore>(place.meeting_file.string(), place.size);
  } else {
    c10d::TCPStoreOptions options;
    options.port = place.port;
    options.timeout = kLongestMeeting;
    // torchrun's agent may serve the store itself.
    const char* agent = std::getenv("TORCHELASTIC_USE_AGENT_STORE");
    options.isServer = place.rank == 0 && (agent == nullptr || std::string(agent) != "True");
    options.numWorkers = options.isServer || agent == nullptr ? c10::optional<std::size_t>(place.size)
                                                              : c10::optional<std::size_t>();
    options.waitWorkers = options.numWorkers.has_value();
    store = c10::make_intrusive<c10d::TCPStore>(place.host, options);
  }
  store->setTimeout(kLongestMeeting);
  const char* restarts = std::getenv("TORCHELASTIC_RESTART_COUNT");
  return c10::make_intrusive<c10d::PrefixStore>(
      std::string("epicrisis/") + (restarts == nullptr ? "0" : restarts), store);
}

/// Processes that meet on this machine talk over its loopback interface, out of reach of others.
auto network_device(const ProcessPlace& place) {
  if (const char* interface = std::getenv("GLOO_SOCKET_IFNAME"); interface != nullptr)
    return Gloo::createDeviceForInterface(interface);
  const bool is_local =
      !place.meeting_file.empty() || place.host == "localhost" || place.host.starts_with("127.");
  return is_local ? Gloo::createDeviceForHostname("127.0.0.1") : Gloo::createDefaultDevice();
}

}  // namespace

struct ProcessGroup::Connection {
  c10::intrusive_ptr<Gloo> control;
#ifdef USE_C10D_NCCL
  c10::intrusive_ptr<c10d::ProcessGroupNCCL> devices;
#endif
  std::vector<decltype(std::declval<Gloo&>().allreduce(std::declval<std::vector<at::Tensor>&>()))> begun;
  bool broken = false;

  explicit Connection(const ProcessPlace& place) {
    const auto store = meet(place);
    auto options = Gloo::Options::create(kLongestWait);
    options->devices.push_back(network_device(place));
    control = c10::make_intrusive<Gloo>(store, place.rank, place.size, options);
#ifdef USE_C10D_NCCL
    if (at::hasCUDA())
      devices = c10::make_intrusive<c10d::ProcessGroupNCCL>(
          c10::make_intrusive<c10d::PrefixStore>("devices", store), place.rank, place.size);
#endif
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  /// A group that has lost a member may wait for it when it is taken down: it is left to the process's end.
  ~Connection() {
    if (!broken) return;
    for (auto& work : begun) static_cast<void>(work.release());
    static_cast<void>(control.release());
  }

  auto allreduce(std::vector<at::Tensor>& tensors) {
#ifdef USE_C10D_NCCL
    if (tensors.front().is_cuda()) return devices->allreduce(tensors);
#endif
    return control->allreduce(tensors);
  }
  void broadcast(std::vector<at::Tensor>& tensors) {
#ifdef USE_C10D_NCCL
    if (tensors.front().is_cuda()) {
      devices->broadcast(tensors)->wait();
      return;
    }
#endif
    control->broadcast(tensors)->wait();
  }
};

ProcessGroup::ProcessGroup() = default;
ProcessGroup::ProcessGroup(const ProcessPlace& place, std::unique_ptr<Connection> connection)
    : place_(place), connection_(std::move(connection)) {}
ProcessGroup::ProcessGroup(ProcessGroup&&) noexcept = default;
ProcessGroup& ProcessGroup::operator=(ProcessGroup&&) noexcept = default;
ProcessGroup::~ProcessGroup() = default;

Result<ProcessGroup> ProcessGroup::join(const ProcessPlace& place) {
  if (place.size == 1) return ProcessGroup();
  try {
    return ProcessGroup(place, std::make_unique<Connection>(place));
  } catch (const std::exception& failure) {
    return lost_contact(failure);
  }
}

Result<void> ProcessGroup::sum(std::span<double> values) {
  if (connection_ == nullptr || values.empty()) return {};
  traffic_.control_bytes += static_cast<std::int64_t>(values.size_bytes());
  ++traffic_.collectives;
  return guarded(connection_->broken, [&] {
    std::vector<at::Tensor> tensors = {
        at::from_blob(values.data(), {static_cast<std::int64_t>(values.size())}, at::kDouble)};
    connection_->allreduce(tensors)->wait();
  });
}

Result<bool> ProcessGroup::any(bool said) {
  double count = said ? 1 : 0;
  EPICRISIS_RETURN_IF_ERROR(sum({&count, 1}));
  return count > 0;
}

Result<void> ProcessGroup::wait_for_all() {
  double nothing = 0;
  return sum({&nothing, 1});
}

Result<void> ProcessGroup::share(std::span<double> values) {
  return share(at::from_blob(values.data(), {static_cast<std::int64_t>(values.size())}, at::kDouble));
}

Result<void> ProcessGroup::share(std::string& text) {
  auto length = static_cast<double>(text.size());
  EPICRISIS_RETURN_IF_ERROR(share(std::span(&length, 1)));
  text.resize(static_cast<std::size_t>(length));
  return share(at::from_blob(text.data(), {static_cast<std::int64_t>(text.size())}, at::kByte));
}

Result<void> ProcessGroup::share(at::Tensor tensor) {
  if (connection_ == nullptr || tensor.numel() == 0) return {};
  traffic_.start_bytes += static_cast<std::int64_t>(tensor.nbytes());
  ++traffic_.collectives;
  return guarded(connection_->broken, [&] {
    std::vector<at::Tensor> tensors = {std::move(tensor)};
    connection_->broadcast(tensors);
  });
}

Result<void> ProcessGroup::begin_sum(at::Tensor part) {
  if (connection_ == nullptr) return {};
  traffic_.gradient_bytes += static_cast<std::int64_t>(part.nbytes());
  ++traffic_.collectives;
  return guarded(connection_->broken, [&] {
    std::vector<at::Tensor> tensors = {std::move(part)};
    connection_->begun.push_back(connection_->allreduce(tensors));
  });
}

Result<void> ProcessGroup::finish_sums() {
  if (connection_ == nullptr) return {};
  return guarded(connection_->broken, [&] {
    for (auto& work : connection_->begun) work->wait();
    connection_->begun.clear();
  });
}

bool is_lost_contact(const Error& error) {
  return error.code == ErrorCode::kUnavailable && error.public_message == kLostContact;
}

}  // namespace epicrisis::train
