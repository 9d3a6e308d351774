#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/files.hpp"
#include "base/json.hpp"
#include "commands/commands.hpp"
#include "hub/model_reference.hpp"
#include "standard_streams.hpp"
#include "text/tokenizer.hpp"

namespace epicrisis {
namespace {

constexpr std::uint64_t kMaxTextBytes = 256ULL << 20;

struct Arguments {
  std::vector<std::string> files;
  std::string model;
  std::size_t max_length = 0;
  bool no_special_tokens = false;
  bool json = false;
};

std::string as_json_line(const Tokenizer& tokenizer, const Encoding& encoding) {
  OrderedJson line;
  line["ids"] = encoding.ids;
  line["tokens"] = OrderedJson::array();
  line["offsets"] = OrderedJson::array();
  for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
    line["tokens"].push_back(tokenizer.id_to_token(encoding.ids[i]));
    line["offsets"].push_back(OrderedJson::array({encoding.offsets[i].begin, encoding.offsets[i].end}));
  }
  return line.dump() + "\n";
}

/// One token a line: id, first and last code point, token.
std::string as_table(const Tokenizer& tokenizer, const Encoding& encoding) {
  std::string table;
  for (std::size_t i = 0; i < encoding.ids.size(); ++i)
    fmt::format_to(std::back_inserter(table), "{}\t{}\t{}\t{}\n", encoding.ids[i], encoding.offsets[i].begin,
                   encoding.offsets[i].end, tokenizer.id_to_token(encoding.ids[i]));
  return table;
}

Result<void> run(const Arguments& arguments) {
  std::vector<std::string> files = arguments.files;
  if (files.empty()) {
    if (isatty(STDIN_FILENO) != 0)
      return Error{ErrorCode::kInvalidArgument, "Give a file, or '-' to read standard input.", ""};
    files.emplace_back("-");
  }
  EPICRISIS_ASSIGN_OR_RETURN(const ModelFolder model, resolve_model(arguments.model));
  EPICRISIS_ASSIGN_OR_RETURN(const Tokenizer tokenizer, Tokenizer::load(model.path()));
  EncodeOptions options;
  options.add_special_tokens = !arguments.no_special_tokens;
  if (arguments.max_length > 0) options.max_length = arguments.max_length;
  for (const std::string& file : files) {
    EPICRISIS_ASSIGN_OR_RETURN(const std::string text, file == "-" ? read_standard_input(kMaxTextBytes)
                                                                   : read_file(file, kMaxTextBytes));
    const Encoding encoding = tokenizer.encode(text, options);
    const std::string output =
        arguments.json ? as_json_line(tokenizer, encoding) : as_table(tokenizer, encoding);
    EPICRISIS_RETURN_IF_ERROR(write_standard_output(output));
  }
  return {};
}

}  // namespace

void add_tokenize_command(CLI::App& app, CommandAction& chosen) {
  auto* command = app.add_subcommand("tokenize", "Show the tokens of a text: ids, tokens, offsets");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("FILE", arguments->files, "Files, each one text; '-' is standard input");
  command
      ->add_option("--model", arguments->model,
                   "Folder, .tar.gz or name of a model; the bundled one if left out")
      ->type_name("REF");
  command->add_option("--max-length", arguments->max_length, "Cut to N tokens, special ones included")
      ->type_name("N");
  command->add_flag("--no-special-tokens", arguments->no_special_tokens, "Leave out the closing token");
  command->add_flag("--json", arguments->json,
                    R"(One line a file: {"ids": […], "tokens": […], "offsets": [[first, past], …]})");
  command->callback([arguments, &chosen] { chosen = [arguments] { return run(*arguments); }; });
}

}  // namespace epicrisis
