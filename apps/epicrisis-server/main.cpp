// `epicrisis serve`, `worker`, `key`, `audit` and `cleanup`. A program of its own: nothing else waits for the
// libraries that TLS and the metadata need.
#include "commands/commands.hpp"

namespace {

void add_commands(CLI::App& app, epicrisis::CommandAction& chosen) {
  epicrisis::add_audit_command(app, chosen);
  epicrisis::add_cleanup_command(app, chosen);
  epicrisis::add_key_command(app, chosen);
  epicrisis::add_serve_command(app, chosen);
  epicrisis::add_worker_command(app, chosen);
}

}  // namespace

int main(int argc, char** argv) { return epicrisis::run_program(argc, argv, add_commands); }
