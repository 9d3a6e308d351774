#include "commands/hub_output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include "base/files.hpp"
#include "base/folders.hpp"
#include "base/json.hpp"
#include "checkpoint/checkpoint.hpp"
#include "hub/package_card.hpp"

namespace epicrisis {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kBundled = "bundled";

using Row = std::array<std::string, 7>;

/// Columns as wide as their widest cell, two spaces between.
std::string as_table(const std::vector<Row>& rows) {
  std::array<std::size_t, std::tuple_size_v<Row>> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string table;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += fmt::format("{:<{}}", row[i], widths[i] + 2);
    line.resize(line.find_last_not_of(' ') + 1);
    table += line + "\n";
  }
  return table;
}

/// Paths need not be UTF-8.
std::string as_line(const OrderedJson& json) {
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

std::string source_of(const ModelOrigin& origin) {
  if (origin.kind != "pull") return origin.source;
  constexpr std::size_t kShownDigits = 12;
  return fmt::format("{}@{}", origin.repo, origin.commit.substr(0, kShownDigits));
}

OrderedJson facts_json(const std::string& name, OrderedJson version, bool latest, const ModelFacts& facts,
                       std::uint64_t size_bytes) {
  OrderedJson json;
  json["name"] = name;
  json["version"] = std::move(version);
  json["latest"] = latest;
  json["family"] = facts.family;
  json["parameters"] = facts.parameters;
  json["dtype"] = facts.dtype;
  json["size_bytes"] = size_bytes;
  return json;
}

OrderedJson summary(const StoredModel& model) {
  const Manifest& manifest = model.manifest;
  OrderedJson json =
      facts_json(manifest.name, manifest.version, model.latest, manifest.facts, manifest.size_bytes());
  json["content_sha256"] = manifest.content_sha256;
  json["stored_at"] = manifest.stored_at;
  json["origin"] = to_json(manifest.origin);
  json["path"] = model.files.string();
  json["read_only"] = false;
  return json;
}

std::string facts_as_text(const ModelFacts& facts, std::uint64_t size_bytes, const fs::path& path) {
  return fmt::format(
      "family       {}\nparameters   {}\ndtype        {}\nsize         {} bytes\nfolder       {}\n",
      facts.family, facts.parameters, facts.dtype, size_bytes, path.string());
}

}  // namespace

Result<DescribedModel> describe_bundled(const BundledModel& model) {
  EPICRISIS_ASSIGN_OR_RETURN(const Checkpoint checkpoint, load_checkpoint(model.path));
  DescribedModel described{model,
                           {checkpoint.architecture.family, count_parameters(checkpoint),
                            std::string(to_string(weight_dtype(checkpoint.weights)))}};
  EPICRISIS_ASSIGN_OR_RETURN(const auto entries, entries_of(model.path));
  for (const fs::directory_entry& entry : entries) {
    std::error_code ignored;
    if (entry.is_regular_file(ignored)) described.size_bytes += entry.file_size(ignored);
  }
  return described;
}

std::string models_as_table(const std::vector<StoredModel>& stored,
                            const std::vector<DescribedModel>& bundled) {
  if (stored.empty() && bundled.empty()) return {};
  std::vector<Row> rows = {{"NAME", "VERSION", "FAMILY", "PARAMETERS", "DTYPE", "BYTES", "FROM"}};
  for (const DescribedModel& model : bundled) {
    rows.push_back({model.model.name, "-", model.facts.family, std::to_string(model.facts.parameters),
                    model.facts.dtype, std::to_string(model.size_bytes), std::string(kBundled)});
  }
  for (const StoredModel& model : stored) {
    const Manifest& manifest = model.manifest;
    rows.push_back({manifest.name, manifest.version + (model.latest ? "*" : ""), manifest.facts.family,
                    std::to_string(manifest.facts.parameters), manifest.facts.dtype,
                    std::to_string(manifest.size_bytes()), source_of(manifest.origin)});
  }
  return as_table(rows);
}

std::string as_json_line(const StoredModel& model) { return as_line(summary(model)); }

std::string as_json_line(const DescribedModel& model) {
  OrderedJson json = facts_json(model.model.name, nullptr, true, model.facts, model.size_bytes);
  json["content_sha256"] = nullptr;
  json["stored_at"] = nullptr;
  json["origin"]["kind"] = kBundled;
  json["path"] = model.model.path.string();
  json["read_only"] = true;
  return as_line(json);
}

std::string details_as_json_line(const StoredModel& model) {
  OrderedJson json = summary(model);
  json["files"] = OrderedJson::array();
  for (const StoredFile& file : model.manifest.files)
    json["files"].push_back(
        OrderedJson{{"path", file.path}, {"size", file.size_bytes}, {"sha256", file.sha256}});
  return as_line(json);
}

std::string details_as_text(const StoredModel& model) {
  const Manifest& manifest = model.manifest;
  std::string text =
      fmt::format("model        {}{}\n", model.reference(), model.latest ? " (latest)" : "") +
      facts_as_text(manifest.facts, manifest.size_bytes(), model.files) +
      fmt::format("content      sha256:{}\nstored       {}\n", manifest.content_sha256, manifest.stored_at);
  const OrderedJson origin = to_json(manifest.origin);
  for (const auto& [key, value] : origin.items())
    text += fmt::format("{:<12} {}\n", key == "kind" ? "origin" : key, value.get<std::string>());
  for (const StoredFile& file : manifest.files)
    text += fmt::format("{}  {:>12}  {}\n", file.sha256, file.size_bytes, file.path);
  return text;
}

std::string details_as_text(const DescribedModel& model) {
  return fmt::format("model        {} (bundled, read-only)\n", model.model.name) +
         facts_as_text(model.facts, model.size_bytes, model.model.path);
}

std::string stored_as_line(const StoreOutcome& outcome) {
  const Manifest& manifest = outcome.model.manifest;
  return fmt::format("{}: {}, {} parameters, {}, {} files, {} bytes{}\n", outcome.model.reference(),
                     manifest.facts.family, manifest.facts.parameters, manifest.facts.dtype,
                     manifest.files.size(), manifest.size_bytes(),
                     outcome.created ? "" : " (stored already)");
}

}  // namespace epicrisis
