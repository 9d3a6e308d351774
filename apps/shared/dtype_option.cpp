#include "shared/dtype_option.hpp"

#include <CLI/CLI.hpp>
#include <string>

namespace epicrisis {

void add_dtype_option(CLI::App& command, ComputeType& type) {
  const auto set = [&type](const std::string& name) {
    const auto named = parse_compute_type(name);
    if (!named) throw CLI::ValidationError("--dtype must be float32 (fp32), bfloat16 (bf16) or int8.");
    type = *named;
  };
  command
      .add_option_function<std::string>(
          "--dtype", set, "What the model is computed in: float32, bfloat16 or int8; default: float32")
      ->type_name("TYPE");
}

}  // namespace epicrisis
