#include "summarize/model_card.hpp"

#include <fmt/format.h>

#include "base/json.hpp"

namespace epicrisis {
namespace fs = std::filesystem;

namespace {

std::string last_part(const fs::path& path) {
  return (path.has_filename() ? path : path.parent_path()).filename().string();
}

std::string name_from(const fs::path& folder, std::string_view reference) {
  std::string name = last_part(fs::path(reference).lexically_normal());
  for (const std::string_view ending : {".tar.gz", ".tgz"}) {
    if (name.ends_with(ending)) name.resize(name.size() - ending.size());
  }
  if (!name.empty() && name != "." && name != "..") return name;
  std::error_code failure;
  return last_part(fs::weakly_canonical(folder, failure));
}

}  // namespace

Result<ModelCard> read_model_card(const fs::path& folder, std::string_view reference) {
  const fs::path path = folder / "epicrisis.json";
  ModelCard card;
  card.name = name_from(folder, reference);
  std::error_code failure;
  if (!fs::exists(path, failure)) return card;
  constexpr std::uint64_t kMostBytes = 1 << 20;
  EPICRISIS_ASSIGN_OR_RETURN(const Json json, read_json_file(path, kMostBytes));
  if (!json.is_object()) {
    return Error{ErrorCode::kCorrupt, fmt::format("'{}' must be a JSON object.", path.string()), ""};
  }
  EPICRISIS_ASSIGN_OR_RETURN(card.name, json_value(json, "name", card.name, path.string()));
  EPICRISIS_ASSIGN_OR_RETURN(card.trained_for, json_value(json, "trained_for", std::string(), path.string()));
  return card;
}

}  // namespace epicrisis
