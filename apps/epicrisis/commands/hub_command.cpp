#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/progress.hpp"
#include "commands/commands.hpp"
#include "commands/hub_output.hpp"
#include "hub/import_model.hpp"
#include "hub/model_search.hpp"
#include "hub/pull_model.hpp"
#include "hub/store.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  std::string store;
  std::string source;  ///< What is imported, or the repository that is pulled.
  std::string model;
  std::string name;
  std::string version;
  std::string base_url;
  std::string ca_file;
  std::vector<std::string> include_patterns;
  bool offline = false;
  bool all = false;
  bool json = false;
};

/// Set by SIGINT and SIGTERM while a model is pulled.
volatile std::sig_atomic_t stop_signal = 0;

/// Lets a pull end in order on the first signal; a second one ends the program.
class StopOnSignals {
 public:
  StopOnSignals() {
    struct sigaction action {};
    action.sa_handler = [](int signal) { stop_signal = signal; };
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
  }
  StopOnSignals(const StopOnSignals&) = delete;
  StopOnSignals& operator=(const StopOnSignals&) = delete;
  ~StopOnSignals() {
    for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, SIG_DFL);
  }
};

std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

/// As the reference reads its switches.
bool is_switched_on(const std::string& value) {
  for (const std::string_view on : {"1", "ON", "on", "On", "YES", "yes", "Yes", "TRUE", "true", "True"}) {
    if (value == on) return true;
  }
  return false;
}

std::optional<std::string> unless_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<std::string>(text);
}

Result<Store> open_store(const Arguments& arguments) {
  if (!arguments.store.empty()) return Store(arguments.store);
  if (const auto root = Store::default_root()) return Store(*root);
  return Error{ErrorCode::kInvalidArgument, "Name the store with --store or EPICRISIS_HUB.", ""};
}

std::vector<std::string> bundled_names() {
  std::vector<std::string> names;
  for (const BundledModel& model : bundled_models(model_places())) names.push_back(model.name);
  return names;
}

/// A bar that counts bytes in a unit people can read; made once the total is known.
class ByteBar {
 public:
  explicit ByteBar(std::string label) : label_(std::move(label)) {}
  void update(std::uint64_t done_bytes, std::uint64_t total_bytes, std::string_view note = {}) {
    if (!bar_) {
      constexpr std::uint64_t kMega = 1'000'000;
      const bool is_large = total_bytes >= 10 * kMega;
      unit_bytes_ = is_large ? kMega : 1'000;
      bar_.emplace(label_, (total_bytes + unit_bytes_ - 1) / unit_bytes_, is_large ? "MB" : "kB");
    }
    bar_->update((done_bytes + unit_bytes_ - 1) / unit_bytes_, note);
  }

 private:
  std::string label_;
  std::uint64_t unit_bytes_ = 1;
  std::optional<Progress> bar_;
};

void print(const std::string& text) { fmt::print("{}", text); }

void print_outcome(const StoreOutcome& outcome) {
  for (const std::string& note : outcome.notes) fmt::print(stderr, "epicrisis: {}\n", note);
  print(stored_as_line(outcome));
}

Result<void> run_import(const Arguments& arguments) {
  EPICRISIS_ASSIGN_OR_RETURN(const Store store, open_store(arguments));
  std::optional<ByteBar> bar("importing");
  ImportOptions options;
  options.name = unless_empty(arguments.name);
  options.version = unless_empty(arguments.version);
  options.reserved_names = bundled_names();
  options.progress = [&](std::uint64_t done, std::uint64_t total) { bar->update(done, total); };
  EPICRISIS_ASSIGN_OR_RETURN(const StoreOutcome outcome, import_model(store, arguments.source, options));
  bar.reset();
  print_outcome(outcome);
  return {};
}

Result<void> run_pull(const Arguments& arguments) {
  EPICRISIS_ASSIGN_OR_RETURN(const Store store, open_store(arguments));
  EPICRISIS_ASSIGN_OR_RETURN(const RepositoryName repository, parse_repository_name(arguments.source));
  const StopOnSignals signals;
  std::optional<ByteBar> bar("pulling");
  PullOptions options;
  if (const std::string endpoint = environment("HF_ENDPOINT"); !endpoint.empty()) options.base_url = endpoint;
  if (!arguments.base_url.empty()) options.base_url = arguments.base_url;
  options.token = environment("HF_TOKEN");
  options.ca_file = arguments.ca_file;
  options.offline = arguments.offline || is_switched_on(environment("HF_HUB_OFFLINE"));
  options.name = unless_empty(arguments.name);
  options.version = unless_empty(arguments.version);
  options.include_patterns = arguments.include_patterns;
  options.reserved_names = bundled_names();
  options.progress = [&](std::uint64_t done, std::uint64_t total, std::string_view file) {
    bar->update(done, total, file);
  };
  options.cancelled = [] { return stop_signal != 0; };
  Result<StoreOutcome> outcome = pull_model(store, repository, options);
  bar.reset();
  if (!outcome && outcome.error().code == ErrorCode::kCancelled) {
    return Error{ErrorCode::kCancelled,
                 "Stopped; what has arrived is kept, and the same command goes on from there.", ""};
  }
  if (!outcome) return std::move(outcome).error();
  print_outcome(*outcome);
  return {};
}

Result<void> run_list(const Arguments& arguments) {
  EPICRISIS_ASSIGN_OR_RETURN(const Store store, open_store(arguments));
  std::vector<DescribedModel> bundled;
  std::optional<Error> first_failure;
  const auto report = [&](const Error& error) {
    fmt::print(stderr, "epicrisis: {}\n", error.to_line());
    if (!first_failure) first_failure = error;
  };
  for (const BundledModel& model : bundled_models(model_places())) {
    Result<DescribedModel> described = describe_bundled(model);
    if (described) {
      bundled.push_back(std::move(*described));
    } else {
      report(described.error());
    }
  }
  EPICRISIS_ASSIGN_OR_RETURN(const StoreListing listing, store.list());
  for (const Error& error : listing.damaged) report(error);
  if (arguments.json) {
    for (const DescribedModel& model : bundled) print(as_json_line(model));
    for (const StoredModel& model : listing.models) print(as_json_line(model));
  } else {
    print(models_as_table(listing.models, bundled));
  }
  if (!first_failure) return {};
  return Error{first_failure->code, "Some models cannot be shown; see above.", ""};
}

Result<void> run_show(const Arguments& arguments) {
  EPICRISIS_ASSIGN_OR_RETURN(const ModelName name, parse_model_name(arguments.model));
  if (!name.version) {
    for (const BundledModel& model : bundled_models(model_places())) {
      if (model.name != name.name) continue;
      EPICRISIS_ASSIGN_OR_RETURN(const DescribedModel described, describe_bundled(model));
      print(arguments.json ? as_json_line(described) : details_as_text(described));
      return {};
    }
  }
  EPICRISIS_ASSIGN_OR_RETURN(const Store store, open_store(arguments));
  EPICRISIS_ASSIGN_OR_RETURN(const StoredModel model, store.find(name));
  print(arguments.json ? details_as_json_line(model) : details_as_text(model));
  return {};
}

Result<void> run_remove(const Arguments& arguments) {
  EPICRISIS_ASSIGN_OR_RETURN(const ModelName name, parse_model_name(arguments.model));
  EPICRISIS_ASSIGN_OR_RETURN(const Store store, open_store(arguments));
  Result<std::vector<std::string>> removed = store.remove(name, arguments.all);
  if (!removed && removed.error().code == ErrorCode::kNotFound) {
    for (const std::string& bundled : bundled_names()) {
      if (bundled == name.name) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("'{}' is a bundled model, which is read-only.", bundled), ""};
      }
    }
  }
  if (!removed) return std::move(removed).error();
  for (const std::string& reference : *removed) print(fmt::format("removed {}\n", reference));
  return {};
}

Result<void> run_verify(const Arguments& arguments) {
  EPICRISIS_ASSIGN_OR_RETURN(const Store store, open_store(arguments));
  StoreListing listing;
  if (arguments.model.empty()) {
    EPICRISIS_ASSIGN_OR_RETURN(listing, store.list());
  } else {
    EPICRISIS_ASSIGN_OR_RETURN(const ModelName name, parse_model_name(arguments.model));
    EPICRISIS_ASSIGN_OR_RETURN(listing, store.list(name));
  }
  std::size_t damaged = listing.damaged.size();
  for (const Error& error : listing.damaged) print(error.to_line() + "\n");
  for (const StoredModel& model : listing.models) {
    std::optional<ByteBar> bar(std::in_place, "verifying " + model.reference());
    EPICRISIS_ASSIGN_OR_RETURN(
        const std::vector<Damage> damages,
        verify_model(model, [&](std::uint64_t done) { bar->update(done, model.manifest.size_bytes()); }));
    bar.reset();  // its line ends before results are printed
    for (const Damage& damage : damages)
      print(fmt::format("{}: {}: {}\n", model.reference(), damage.path, damage.reason));
    if (damages.empty()) print(fmt::format("{}: ok\n", model.reference()));
    damaged += damages.empty() ? 0 : 1;
  }
  if (damaged == 0) return {};
  // What is stored is no longer what was: not bad input (exit code 2), but a failure.
  return Error{ErrorCode::kConflict,
               fmt::format("{} of {} stored models are damaged; remove them and import or pull them again.",
                           damaged, listing.models.size() + listing.damaged.size()),
               ""};
}

using Run = Result<void> (*)(const Arguments&);

/// A subcommand of `hub` with the options all of them have.
CLI::App* add_subcommand(CLI::App& hub, const char* name, const char* what,
                         const std::shared_ptr<Arguments>& arguments, CommandAction& chosen, Run run) {
  CLI::App* const command = hub.add_subcommand(name, what);
  command
      ->add_option("--store", arguments->store,
                   "Folder of the store; EPICRISIS_HUB, else the user's data folder if left out")
      ->type_name("DIR");
  command->callback([arguments, &chosen, run] { chosen = [arguments, run] { return run(*arguments); }; });
  return command;
}

void add_naming(CLI::App& command, Arguments& arguments) {
  command.add_option("--name", arguments.name, "Name to store it under; the source's own if left out");
  command.add_option("--version", arguments.version, "Version to store it as; the next number if left out");
}

}  // namespace

void add_hub_command(CLI::App& app, CommandAction& chosen) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* const hub = app.add_subcommand(
      "hub", "The store of models on this machine: import, pull, list, show, remove, verify");
  hub->require_subcommand(1);
  const auto add = [&](const char* name, const char* what, Run run) {
    return add_subcommand(*hub, name, what, arguments, chosen, run);
  };

  CLI::App* command = add("import", "Checks a model folder or archive and stores it.", run_import);
  command->add_option("source", arguments->source, "Folder or .tar.gz of the model")
      ->required()
      ->type_name("DIR|ARCHIVE");
  add_naming(*command, *arguments);

  command = add("pull", "Downloads a model from a hub, checks it and stores it.", run_pull);
  command->add_option("repository", arguments->source, "Repository of the hub, perhaps at a revision")
      ->required()
      ->type_name("ORG/NAME[@REVISION]");
  add_naming(*command, *arguments);
  command->add_option("--base-url", arguments->base_url, "Hub to ask; HF_ENDPOINT, else huggingface.co")
      ->type_name("URL");
  command->add_option("--ca-file", arguments->ca_file, "Certificates to trust instead of the system's (PEM)")
      ->type_name("FILE");
  command
      ->add_option("--include-pattern", arguments->include_patterns,
                   "Store files that match too, besides those of the model; repeatable")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  command->add_flag("--offline", arguments->offline,
                    "Send nothing, use only what is stored; also with HF_HUB_OFFLINE=1");

  command = add("list", "Lists the models of the store, and the bundled ones.", run_list);
  command->add_flag("--json", arguments->json, "One object a line");

  command = add("show", "Shows one model of the store, with its files.", run_show);
  command->add_option("model", arguments->model, "Model")->required()->type_name("NAME[@VERSION]");
  command->add_flag("--json", arguments->json, "One object");

  command = add("remove", "Removes a version of a model, without asking.", run_remove);
  command->add_option("model", arguments->model, "Model")->required()->type_name("NAME[@VERSION]");
  command->add_flag("--all", arguments->all, "All versions of NAME");

  command = add("verify", "Hashes stored files again; exit code 1 names what is damaged.", run_verify);
  command->add_option("model", arguments->model, "Model; all of them if left out")
      ->type_name("NAME[@VERSION]");
}

}  // namespace epicrisis
