#include "standard_streams.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>

#include "base/files.hpp"

namespace epicrisis {

Result<std::string> read_standard_input(std::uint64_t max_bytes) {
  std::string content;
  char buffer[1 << 16];
  while (const std::size_t count = std::fread(buffer, 1, sizeof buffer, stdin)) {
    content.append(buffer, count);
    if (content.size() > max_bytes) {
      return Error{ErrorCode::kResourceExhausted,
                   fmt::format("Standard input is longer than {} bytes.", max_bytes), ""};
    }
  }
  if (std::ferror(stdin) != 0) return system_error(errno, "read", "standard input");
  return content;
}

Result<void> write_standard_output(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return {};
  return system_error(errno, "write", "standard output");
}

}  // namespace epicrisis
