#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <string>

#include "checkpoint/conversion.hpp"
#include "commands/commands.hpp"
#include "hub/model_reference.hpp"

namespace epicrisis {
namespace {

struct Arguments {
  std::string model;
  std::string output;
  std::string format = "safetensors";
  std::string dtype;
  std::string max_shard_size = "10GB";
  bool overwrite = false;
};

const std::map<std::string, DType> kDTypes = {
    {"fp32", DType::kFloat32}, {"fp16", DType::kFloat16}, {"bf16", DType::kBFloat16}};
const std::map<std::string, WeightFormat> kFormats = {{"safetensors", WeightFormat::kSafetensors},
                                                      {"bin", WeightFormat::kPytorchBin}};

Result<void> run_convert(const Arguments& arguments) {
  ConversionOptions options;
  options.format = kFormats.at(arguments.format);
  if (!arguments.dtype.empty()) options.dtype = kDTypes.at(arguments.dtype);
  options.overwrite = arguments.overwrite;
  EPICRISIS_ASSIGN_OR_RETURN(options.max_shard_bytes, parse_shard_size(arguments.max_shard_size));
  EPICRISIS_ASSIGN_OR_RETURN(const ModelFolder model, resolve_model(arguments.model));
  EPICRISIS_ASSIGN_OR_RETURN(const ConversionReport report,
                             convert_checkpoint(model.path(), arguments.output, options));
  for (const std::string& name : report.left_out) {
    fmt::print(stderr, "epicrisis: '{}' was not copied\n", name);
  }
  fmt::print("{}: {} files, {} bytes\n", arguments.output, report.files.size(), report.size_bytes);
  return {};
}

}  // namespace

void add_convert_command(CLI::App& app, CommandAction& chosen) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* const command = app.add_subcommand(
      "convert", "Writes a model as a new folder with its weights in another format or type.");
  command->add_option("model", arguments->model, "Folder of the model, an archive, or its name")->required();
  command->add_option("-o,--output", arguments->output, "Folder to make")->required()->type_name("DIR");
  command->add_option("--format", arguments->format, "Weights as model.safetensors or pytorch_model.bin")
      ->check(CLI::IsMember(kFormats))
      ->capture_default_str();
  command->add_option("--dtype", arguments->dtype, "Type of the weights; left out: as they are")
      ->check(CLI::IsMember(kDTypes));
  command
      ->add_option("--max-shard-size", arguments->max_shard_size,
                   "Split weights into files of at most this size (10GB, 500MiB, bytes)")
      ->capture_default_str();
  command->add_flag("--overwrite", arguments->overwrite, "Replace the folder if it holds a model");
  command->callback([arguments, &chosen] { chosen = [arguments] { return run_convert(*arguments); }; });
}

}  // namespace epicrisis
