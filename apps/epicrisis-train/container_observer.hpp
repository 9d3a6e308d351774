#pragma once

#include "terminal_observer.hpp"

namespace epicrisis {

/// Shows a run in a container besides as transformers' trainer does, which metric definitions of training
/// jobs are written for: each line of metrics as {'loss': 2.5, 'learning_rate': 5e-05, 'epoch': 0.5} on
/// standard output.
class ContainerObserver final : public TerminalObserver {
 public:
  ContainerObserver() : TerminalObserver(true) {}
  void on_metrics(const Json& line) override;
};

/// An object of numbers as Python prints it; members that are no numbers are left out.
std::string python_dictionary(const Json& numbers);

}  // namespace epicrisis
