#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "checkpoint/archive.hpp"
#include "commands/commands.hpp"

namespace epicrisis {

void add_unpack_command(CLI::App& app, CommandAction& chosen) {
  struct Arguments {
    std::string archive;
    std::string output;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* const command = app.add_subcommand(
      "unpack", "Unpacks an archive into a new folder; refuses one that is hostile or damaged.");
  command->add_option("archive", arguments->archive, "Archive to unpack")
      ->required()
      ->type_name("FILE.tar.gz");
  command->add_option("-o,--output", arguments->output, "Folder to make")->required()->type_name("DIR");
  command->callback([arguments, &chosen] {
    chosen = [arguments] { return unpack_tar_gz(arguments->archive, arguments->output); };
  });
}

}  // namespace epicrisis
