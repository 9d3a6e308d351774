#include "base/check.hpp"

#include <fmt/format.h>

#include <string_view>

namespace epicrisis::detail {

void fail_check(const char* condition, const char* file, int line) {
  std::string_view name(file);
  name.remove_prefix(name.rfind('/') + 1);
  throw InvariantError(fmt::format("{}:{}: broken invariant: {}", name, line, condition));
}

}  // namespace epicrisis::detail
