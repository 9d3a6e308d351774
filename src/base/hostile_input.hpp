#pragma once

#include "base/check.hpp"

namespace epicrisis {

/// Input that was written to exhaust time or memory, found out while it is being worked on. Ends one request
/// or job, as a broken invariant does, but is no defect of this program.
class HostileInputError : public InvariantError {
 public:
  using InvariantError::InvariantError;
};

}  // namespace epicrisis
