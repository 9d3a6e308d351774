#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>

#include "api/sagemaker/sagemaker_service.hpp"
#include "commands/commands.hpp"
#include "commands/running_server.hpp"
#include "storage/data_folder.hpp"

namespace epicrisis {
namespace {

struct Arguments {
  std::string data;
  std::string older_than = "0";
  bool dry_run = false;
  bool yes = false;
  bool json = false;
};

/// "90", "90s", "30m", "12h", "7d". Errors: kInvalidArgument.
Result<std::chrono::seconds> parse_duration(const std::string& text) {
  char* end = nullptr;
  const long long number = std::strtoll(text.c_str(), &end, 10);
  const std::string unit(end);
  const long long seconds = unit.empty() || unit == "s" ? 1
                            : unit == "m"               ? 60
                            : unit == "h"               ? 3600
                            : unit == "d"               ? 86400
                                                        : 0;
  if (end == text.c_str() || number < 0 || number > 1'000'000'000 || seconds == 0) {
    return Error{ErrorCode::kInvalidArgument, "--older-than is a time such as 90s, 30m, 12h or 7d.", ""};
  }
  return std::chrono::seconds(number * seconds);
}

/// Without a server the folder is opened as one would.
Result<Json> clean_up_folder(storage::DataFolder& data, std::chrono::seconds older_than, bool dry_run) {
  api::SageMakerSettings settings;
  settings.folder = data.path();
  api::SageMakerService service(data.database(), data.objects(), settings, {});
  EPICRISIS_ASSIGN_OR_RETURN(Json answer, service.clean_up(older_than, dry_run));
  // Endpoints go in the background; no worker runs that they could wait for.
  while (!dry_run) {
    EPICRISIS_ASSIGN_OR_RETURN(
        const Json left, service.run("ListEndpoints", Json{{"StatusEquals", "Deleting"}}, api::AwsScope()));
    if (left["Endpoints"].empty()) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return answer;
}

Result<Json> items(const Arguments& arguments) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::chrono::seconds older_than, parse_duration(arguments.older_than));
  const Result<std::unique_ptr<storage::DataFolder>> folder =
      storage::DataFolder::open_exclusively(arguments.data);
  if (folder) return clean_up_folder(**folder, older_than, arguments.dry_run);
  if (folder.error().code != ErrorCode::kConflict) return folder.error();
  return call_server(arguments.data, "Epicrisis.CleanUp",
                     {{"OlderThanSeconds", older_than.count()}, {"DryRun", arguments.dry_run}});
}

std::string size_text(std::uint64_t size_bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(size_bytes) / (1 << 20));
}

Result<void> clean_up(const Arguments& arguments) {
  if (arguments.dry_run == arguments.yes) {
    return Error{ErrorCode::kInvalidArgument, "Say --dry-run to list what would go, or --yes to remove it.",
                 ""};
  }
  EPICRISIS_ASSIGN_OR_RETURN(const Json answer, items(arguments));
  std::uint64_t disk_bytes = 0;
  std::uint64_t memory_bytes = 0;
  for (const Json& item : answer.at("Items")) {
    const auto disk = item.value("DiskBytes", std::uint64_t{0});
    const auto memory = item.value("MemoryBytes", std::uint64_t{0});
    disk_bytes += disk;
    memory_bytes += memory;
    if (arguments.json) {
      OrderedJson line;
      line["kind"] = item.value("Kind", "");
      line["name"] = item.value("Name", "");
      line["idle_seconds"] = item.value("IdleSeconds", 0.0);
      line["disk_bytes"] = disk;
      line["memory_bytes"] = memory;
      fmt::print("{}\n", line.dump());
    } else {
      fmt::print("{:<18} {:<40} idle {:>10.0f} s  disk {:>12}  memory {:>12}\n", item.value("Kind", ""),
                 item.value("Name", ""), item.value("IdleSeconds", 0.0), size_text(disk), size_text(memory));
    }
  }
  if (arguments.json) return {};
  fmt::print("{} {}: {} of disk, {} of memory\n", answer["Items"].size(),
             arguments.dry_run ? "would go" : "removed", size_text(disk_bytes), size_text(memory_bytes));
  return {};
}

}  // namespace

void add_cleanup_command(CLI::App& app, CommandAction& chosen) {
  CLI::App* command = app.add_subcommand(
      "cleanup", "List or remove endpoints, endpoint configs, models and training artifacts of a server");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("--data", arguments->data, "The server's data folder; the server may run")->required();
  command->add_flag("--dry-run", arguments->dry_run, "Only list");
  command->add_flag("--yes", arguments->yes, "Remove");
  command
      ->add_option("--older-than", arguments->older_than,
                   "Only what was not used (endpoints) or made (others) within this time: 90s, 30m, 12h, 7d")
      ->capture_default_str();
  command->add_flag("--json", arguments->json, "One JSON object a line");
  command->callback([&chosen, arguments] { chosen = [arguments] { return clean_up(*arguments); }; });
}

}  // namespace epicrisis
