#include <fmt/chrono.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "base/json.hpp"
#include "commands/commands.hpp"
#include "storage/data_folder.hpp"

namespace epicrisis {
namespace {

struct Arguments {
  std::string data;
  std::string role = "admin";
  std::string id;
  bool json = false;
};

std::string time_text(const storage::AccessKey& key) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", std::chrono::floor<std::chrono::seconds>(key.created));
}

Result<void> create_key(const Arguments& arguments) {
  EPICRISIS_ASSIGN_OR_RETURN(const storage::Role role, storage::parse_role(arguments.role));
  EPICRISIS_ASSIGN_OR_RETURN(storage::KeyFolder folder, storage::KeyFolder::open(arguments.data));
  EPICRISIS_ASSIGN_OR_RETURN(const storage::AccessKeySecret made, folder.keys().create(role));
  if (arguments.json) {
    OrderedJson line;
    line["access_key_id"] = made.key.id;
    line["secret_access_key"] = made.secret;
    line["role"] = to_string(role);
    fmt::print("{}\n", line.dump());
  } else {
    fmt::print("AWS_ACCESS_KEY_ID={}\nAWS_SECRET_ACCESS_KEY={}\n", made.key.id, made.secret);
  }
  return {};
}

Result<void> list_keys(const Arguments& arguments) {
  EPICRISIS_ASSIGN_OR_RETURN(storage::KeyFolder folder, storage::KeyFolder::open(arguments.data));
  EPICRISIS_ASSIGN_OR_RETURN(const auto keys, folder.keys().list());
  for (const storage::AccessKey& key : keys) {
    if (arguments.json) {
      OrderedJson line;
      line["access_key_id"] = key.id;
      line["role"] = to_string(key.role);
      line["created"] = time_text(key);
      line["disabled"] = key.disabled;
      fmt::print("{}\n", line.dump());
    } else {
      fmt::print("{}\t{}\t{}\t{}\n", key.id, to_string(key.role), time_text(key),
                 key.disabled ? "disabled" : "active");
    }
  }
  return {};
}

Result<void> disable_key(const Arguments& arguments) {
  EPICRISIS_ASSIGN_OR_RETURN(storage::KeyFolder folder, storage::KeyFolder::open(arguments.data));
  return folder.keys().disable(arguments.id);
}

}  // namespace

void add_key_command(CLI::App& app, CommandAction& chosen) {
  CLI::App* command = app.add_subcommand("key", "Access keys of a data folder");
  command->require_subcommand(1);
  auto arguments = std::make_shared<Arguments>();
  const auto add = [&](const char* name, const char* help, Result<void> (*run)(const Arguments&)) {
    CLI::App* one = command->add_subcommand(name, help);
    one->add_option("--data", arguments->data, "The server's data folder")->required();
    one->callback([&chosen, arguments, run] { chosen = [arguments, run] { return run(*arguments); }; });
    return one;
  };
  CLI::App* create = add("create", "Make a key; its secret is shown this once", create_key);
  create->add_option("--role", arguments->role, "admin, engineer, clinician (invokes only) or auditor")
      ->capture_default_str();
  create->add_flag("--json", arguments->json, "One JSON object");
  add("list", "All keys, without secrets", list_keys)
      ->add_flag("--json", arguments->json, "One JSON object a line");
  add("disable", "End a key at once", disable_key)
      ->add_option("ID", arguments->id, "Access key id")
      ->required();
}

}  // namespace epicrisis
