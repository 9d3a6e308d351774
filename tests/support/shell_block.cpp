#include "support/shell_block.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>

namespace epicrisis::testing {

std::vector<std::string> shell_block_after(const std::filesystem::path& document,
                                           const std::string& heading) {
  std::ifstream file(document);
  std::vector<std::string> lines;
  bool found = false;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line == heading) found = true;
    if (found && inside && line == "```") break;
    if (inside) lines.push_back(line);
    if (found && line == "```sh") inside = true;
  }
  return lines;
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

int free_port() {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  const bool bound = ::bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(listener);
  if (!bound) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

}  // namespace epicrisis::testing
