#pragma once

#include <stdexcept>

namespace epicrisis {

/// A broken invariant: a defect of this program. Ends one request or job, never the process.
class InvariantError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

namespace detail {
[[noreturn]] void fail_check(const char* condition, const char* file, int line);
}  // namespace detail

}  // namespace epicrisis

/// Throws InvariantError when `condition` is false. For what only a defect can break, not for bad input.
#define EPICRISIS_CHECK(condition) \
  (static_cast<bool>(condition) ? void(0) : ::epicrisis::detail::fail_check(#condition, __FILE__, __LINE__))

/// EPICRISIS_CHECK in debug builds, nothing in release builds: for kernels.
#ifdef NDEBUG
#define EPICRISIS_DCHECK(condition) void(0)
#else
#define EPICRISIS_DCHECK(condition) EPICRISIS_CHECK(condition)
#endif
