#include "command_line.hpp"

#include "commands/commands.hpp"

namespace epicrisis {

void add_commands(CLI::App& app, CommandAction& chosen) {
  add_bench_command(app, chosen);
  add_convert_command(app, chosen);
  add_evaluate_command(app, chosen);
  add_hub_command(app, chosen);
  add_inspect_command(app, chosen);
  add_package_command(app, chosen);
  add_score_command(app, chosen);
  add_server_commands(app, chosen);
  add_summarize_command(app, chosen);
  add_synth_command(app, chosen);
  add_tokenize_command(app, chosen);
  add_tokenizer_command(app, chosen);
  add_train_command(app, chosen);
  add_unpack_command(app, chosen);
}

}  // namespace epicrisis
