#include "summarize/model_card.hpp"

#include <fmt/format.h>

#include "base/json.hpp"

namespace epicrisis {
namespace fs = std::filesystem;

Result<ModelCard> read_model_card(const fs::path& folder) {
  const fs::path path = folder / "epicrisis.json";
  ModelCard card;
  std::error_code failure;
  const fs::path full = fs::weakly_canonical(folder, failure);
  card.name = (full.has_filename() ? full : full.parent_path()).filename().string();
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
