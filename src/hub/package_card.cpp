#include "hub/package_card.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <system_error>

#include "base/files.hpp"
#include "base/json.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;

/// Figures by name, as JSON spells the number.
using Figures = std::map<std::string, std::string>;

void add_figures(const Json& object, Figures& figures) {
  if (!object.is_object()) return;
  for (const auto& [key, value] : object.items()) {
    if (value.is_number()) figures.insert_or_assign(key, value.dump());
  }
}

/// metrics.jsonl holds one object a line; the last value of each figure counts.
Result<Figures> read_figures(const fs::path& folder) {
  Figures figures;
  std::error_code ignored;
  if (fs::exists(folder / "all_results.json", ignored)) {
    EPICRISIS_ASSIGN_OR_RETURN(const Json results, read_json_file(folder / "all_results.json"));
    add_figures(results, figures);
  }
  if (!fs::exists(folder / "metrics.jsonl", ignored)) return figures;
  EPICRISIS_ASSIGN_OR_RETURN(const std::string text, read_file(folder / "metrics.jsonl", 256ULL << 20));
  std::size_t line_number = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    ++line_number;
    if (line.find_first_not_of(" \r\t") == std::string_view::npos) continue;
    const std::string what = fmt::format("'{}', line {},", (folder / "metrics.jsonl").string(), line_number);
    EPICRISIS_ASSIGN_OR_RETURN(const Json object, parse_json(line, what));
    add_figures(object, figures);
  }
  return figures;
}

/// "568,699,904"
std::string with_commas(std::int64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

std::string architecture_rows(const Checkpoint& checkpoint) {
  const Architecture& a = checkpoint.architecture;
  std::string rows = "| | |\n|---|---|\n";
  const auto add = [&](std::string_view what, const auto& value) {
    rows += fmt::format("| {} | {} |\n", what, value);
  };
  add("family", a.family);
  if (a.encoder.layers > 0) {
    add("encoder", fmt::format("{} layers, {} heads, feed-forward width {}", a.encoder.layers,
                               a.encoder.heads, a.encoder.ffn_dim));
  }
  add("decoder", fmt::format("{} layers, {} heads, feed-forward width {}", a.decoder.layers, a.decoder.heads,
                             a.decoder.ffn_dim));
  add("width", a.d_model);
  add("vocabulary", with_commas(a.vocab_size));
  add("longest source and target", fmt::format("{} tokens", with_commas(a.max_positions)));
  add("parameters", with_commas(count_parameters(checkpoint)));
  add("element type", to_string(weight_dtype(checkpoint.weights)));
  return rows;
}

std::string generation_rows(const Json& settings) {
  std::string rows;
  for (const auto& [key, value] : settings.items()) {
    if (!key.starts_with('_') && key != "transformers_version") {
      rows += fmt::format("| `{}` | `{}` |\n", key, value.dump());
    }
  }
  return rows.empty() ? rows : "\n## Generation settings\n\n| setting | value |\n|---|---|\n" + rows;
}

}  // namespace

std::int64_t count_parameters(const Checkpoint& checkpoint) {
  std::int64_t count = 0;
  for (const auto& [name, tensor] : checkpoint.weights.tensors()) {
    const bool computed = checkpoint.architecture.positions == PositionEncoding::kSinusoidal &&
                          name.ends_with(".positions.weight");
    if (!computed) count += tensor.element_count();
  }
  return count;
}

DType weight_dtype(const Weights& weights) {
  const auto& tensors = weights.tensors();
  if (tensors.empty()) return DType::kFloat32;
  const DType first = tensors.begin()->second.dtype;
  for (const auto& [name, tensor] : tensors) {
    if (tensor.dtype != first) return DType::kFloat32;
  }
  return first;
}

Result<std::string> generate_card(const Checkpoint& checkpoint, const fs::path& folder,
                                  const std::string& name, const std::string& trained_for) {
  EPICRISIS_ASSIGN_OR_RETURN(const Figures figures, read_figures(folder));
  std::string card = fmt::format(
      "---\nlibrary_name: transformers\npipeline_tag: summarization\ntags:\n- summarization\n- {}\n---\n\n"
      "# {}\n\n",
      checkpoint.architecture.family,
      name.empty() ? fmt::format("A {} summarizer", checkpoint.architecture.family) : name);
  if (!trained_for.empty()) card += fmt::format("Trained for: {}\n\n", trained_for);
  card +=
      "Summarizes clinical text. What it writes is a draft: whoever uses it checks it against the source.\n\n"
      "## Architecture\n\n";
  card += architecture_rows(checkpoint);
  card += generation_rows(checkpoint.generation_config);
  if (figures.empty()) {
    card += "\n## Training\n\nThe model's folder held no figures of its training.\n";
  } else {
    card +=
        "\n## Training\n\nThe last value of each figure that was recorded:\n\n| figure | value "
        "|\n|---|---|\n";
    for (const auto& [key, value] : figures) card += fmt::format("| `{}` | {} |\n", key, value);
  }
  return card;
}

}  // namespace epicrisis
