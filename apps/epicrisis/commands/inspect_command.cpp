#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/architecture_json.hpp"
#include "checkpoint/inspection.hpp"
#include "commands/commands.hpp"
#include "hub/model_reference.hpp"

namespace epicrisis {
namespace {

struct Arguments {
  std::string model;
  bool json = false;
};

void print_line(std::string_view name, std::string_view value, int indent = 2) {
  fmt::print("{:{}}{:<{}}{}\n", "", indent, name, 34 - indent, value);
}

std::string size_text(std::uint64_t bytes) {
  constexpr double kMebibyte = 1024.0 * 1024.0;
  return fmt::format("{} ({:.1f} MiB)", bytes, static_cast<double>(bytes) / kMebibyte);
}

std::string list_text(const std::vector<std::string>& names) {
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

void print_architecture(const Architecture& architecture) {
  fmt::print("architecture\n");
  const OrderedJson fields = to_json(architecture);  // named: items() refers to it
  for (const auto& [key, value] : fields.items()) print_line(key, value.dump());
}

void print_parameters(const TensorInspection& tensors) {
  fmt::print("parameters\n");
  print_line("total", std::to_string(tensors.parameters));
  for (const auto& [part, count] : tensors.parameters_by_part) print_line(part, std::to_string(count));
  for (const auto& [dtype, stored] : tensors.stored) {
    print_line(fmt::format("stored as {}", to_string(dtype)),
               fmt::format("{} tensors, {} bytes", stored.tensors, size_text(stored.bytes)));
  }
}

void print_memory(const MemoryEstimate& memory) {
  fmt::print("memory, estimated bytes\n");
  print_line("weights in fp32", size_text(memory.float32_bytes));
  print_line("weights in bf16", size_text(memory.bfloat16_bytes));
  print_line("weights in int8", size_text(memory.int8_bytes));
  print_line("cache of 1000 written tokens", size_text(memory.self_attention_cache_bytes));
  print_line("cache of 1000 source tokens", size_text(memory.cross_attention_cache_bytes));
}

void print_tokenizer(const TokenizerInspection& tokenizer) {
  fmt::print("tokenizer\n");
  print_line("model", tokenizer.model);
  print_line("normalizers", list_text(tokenizer.normalizers));
  print_line("pre-tokenizers", list_text(tokenizer.pre_tokenizers));
  print_line("post-processors", list_text(tokenizer.post_processors));
  print_line("decoders", list_text(tokenizer.decoders));
  print_line("vocabulary", std::to_string(tokenizer.vocabulary));
  if (tokenizer.merges != 0) print_line("merges", std::to_string(tokenizer.merges));
  print_line("added tokens",
             fmt::format("{}, {} of them special", tokenizer.added_tokens, tokenizer.special_tokens));
}

void print_text(const ModelInspection& inspection) {
  fmt::print("model\n");
  print_line("family", inspection.family);
  print_line("class", inspection.model_class.empty() ? "not named" : inspection.model_class);
  print_line("weights", list_text(inspection.weight_files));
  if (inspection.architecture) print_architecture(*inspection.architecture);
  if (inspection.tensors) print_parameters(*inspection.tensors);
  if (inspection.memory) print_memory(*inspection.memory);
  if (inspection.tokenizer) print_tokenizer(*inspection.tokenizer);
  fmt::print("generation\n");
  for (const auto& [key, value] : inspection.generation.items()) print_line(key, value.dump());
  fmt::print("files\n");
  for (const auto& file : inspection.files) print_line(file.name, size_text(file.bytes));
  fmt::print("problems\n");
  for (const std::string& line : inspection.findings.problems) fmt::print("  {}\n", line);
  fmt::print("remarks\n");
  for (const std::string& line : inspection.findings.remarks) fmt::print("  {}\n", line);
}

Result<void> run_inspect(const Arguments& arguments) {
  EPICRISIS_ASSIGN_OR_RETURN(const ModelFolder model, resolve_model(arguments.model));
  EPICRISIS_ASSIGN_OR_RETURN(const ModelInspection inspection, inspect_model(model.path()));
  if (arguments.json) {
    fmt::print("{}\n", to_json(inspection).dump());
  } else {
    print_text(inspection);
  }
  return {};
}

}  // namespace

void add_inspect_command(CLI::App& app, CommandAction& chosen) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* const command = app.add_subcommand(
      "inspect", "Tells what a model is: architecture, size, tokenizer, and what is missing or odd.");
  command->add_option("model", arguments->model,
                      "Folder of the model, an archive, or its name; left out, the bundled model");
  command->add_flag("--json", arguments->json, "One JSON object instead of text");
  command->callback([arguments, &chosen] { chosen = [arguments] { return run_inspect(*arguments); }; });
}

}  // namespace epicrisis
