// For a trainer built without Gloo's headers: a process is alone.
#include "train/distributed/process_group.hpp"

#include <ATen/core/Tensor.h>

#include <utility>

namespace epicrisis::train {

struct ProcessGroup::Connection {};

ProcessGroup::ProcessGroup() = default;
ProcessGroup::ProcessGroup(const ProcessPlace& place, std::unique_ptr<Connection> connection)
    : place_(place), connection_(std::move(connection)) {}
ProcessGroup::ProcessGroup(ProcessGroup&&) noexcept = default;
ProcessGroup& ProcessGroup::operator=(ProcessGroup&&) noexcept = default;
ProcessGroup::~ProcessGroup() = default;

Result<ProcessGroup> ProcessGroup::join(const ProcessPlace& place) {
  if (place.size == 1) return ProcessGroup();
  return Error{ErrorCode::kUnsupported,
               "This trainer was built without Gloo's headers and trains in one process; build it with them.",
               {}};
}

Result<void> ProcessGroup::sum(std::span<double>) { return {}; }
Result<bool> ProcessGroup::any(bool said) { return said; }
Result<void> ProcessGroup::wait_for_all() { return {}; }
Result<void> ProcessGroup::share(std::span<double>) { return {}; }
Result<void> ProcessGroup::share(std::string&) { return {}; }
Result<void> ProcessGroup::share(at::Tensor) { return {}; }
Result<void> ProcessGroup::begin_sum(at::Tensor) { return {}; }
Result<void> ProcessGroup::finish_sums() { return {}; }

bool is_lost_contact(const Error&) { return false; }

}  // namespace epicrisis::train
