#include "container_observer.hpp"

#include <fmt/format.h>

#include <cstdio>

namespace epicrisis {

std::string python_dictionary(const Json& numbers) {
  std::string text;
  for (const auto& [name, value] : numbers.items()) {
    if (!value.is_number()) continue;
    text += fmt::format("{}'{}': {}", text.empty() ? "" : ", ", name,
                        value.is_number_float() ? fmt::format("{}", value.get<double>()) : value.dump());
  }
  return "{" + text + "}";
}

void ContainerObserver::on_metrics(const Json& line) {
  TerminalObserver::on_metrics(line);
  fmt::print("{}\n", python_dictionary(line));
  std::fflush(stdout);
}

}  // namespace epicrisis
