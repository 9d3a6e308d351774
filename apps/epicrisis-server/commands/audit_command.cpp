#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/folders.hpp"
#include "commands/commands.hpp"
#include "storage/audit/audit_log.hpp"
#include "storage/data_folder.hpp"
#include "storage/keys/master_key.hpp"

namespace epicrisis {
namespace {

Result<storage::AuditVerification> follow(const std::string& data,
                                          const std::function<Result<void>(std::string_view)>& take) {
  if (!is_there(storage::master_key_file(data))) {
    return Error{ErrorCode::kNotFound, "There is no master key in this folder; is it a server's data folder?",
                 data};
  }
  EPICRISIS_ASSIGN_OR_RETURN(const storage::MasterKey master,
                             storage::MasterKey::load_or_create(storage::master_key_file(data)));
  return storage::verify_audit_log(storage::audit_folder(data), master, take);
}

Result<void> verify_log(const std::string& data) {
  EPICRISIS_ASSIGN_OR_RETURN(const storage::AuditVerification verified, follow(data, {}));
  fmt::print("{} records, all as they were written; the last has hash {}\n", verified.records,
             verified.last_hash);
  return {};
}

Result<void> export_log(const std::string& data) {
  const auto print = [](std::string_view line) -> Result<void> {
    fmt::print("{}\n", line);
    return {};
  };
  const auto verified = follow(data, print);
  if (!verified) return verified.error();
  return {};
}

}  // namespace

void add_audit_command(CLI::App& app, CommandAction& chosen) {
  CLI::App* command = app.add_subcommand("audit", "The audit log of a data folder");
  command->require_subcommand(1);
  auto data = std::make_shared<std::string>();
  const auto add = [&](const char* name, const char* help, Result<void> (*run)(const std::string&)) {
    CLI::App* one = command->add_subcommand(name, help);
    one->add_option("--data", *data, "The server's data folder")->required();
    one->callback([&chosen, data, run] { chosen = [data, run] { return run(*data); }; });
  };
  add("verify", "Check that no record was changed, removed or added", verify_log);
  add("export", "Print the records, one JSON object a line, each verified", export_log);
}

}  // namespace epicrisis
