#include "synth/content_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "base/files.hpp"
#include "synth/detail/content_check.hpp"
#include "synth/detail/item_syntax.hpp"
#include "synth/detail/json_fields.hpp"

namespace epicrisis::synth {
namespace {
namespace fs = std::filesystem;
using namespace detail;

/// The Error of a data file text, told with its place.
Error at(std::string_view where, const Error& error) {
  return {error.code, fmt::format("{}: {}", where, error.public_message), error.detail};
}

using ItemParser = Result<Item> (*)(std::string_view);

Result<std::vector<Item>> read_items(const Json& object, std::string_view key, ItemParser parse,
                                     std::string_view where) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::vector<std::string> texts, text_list(object, key, where));
  std::vector<Item> items;
  for (const std::string& text : texts) {
    Result<Item> item = parse(text);
    if (!item) return at(fmt::format("{}: '{}'", where, key), item.error());
    items.push_back(*std::move(item));
  }
  return items;
}

Result<VitalRanges> read_vitals(const Json& object, std::string_view key, std::string_view where) {
  VitalRanges ranges;
  EPICRISIS_ASSIGN_OR_RETURN(const Json values, member(object, key, Json::value_t::object, where, false));
  if (values.is_null()) return ranges;
  for (const auto& entry : values.items()) {
    const std::string place = fmt::format("{}: '{}' of '{}'", where, entry.key(), key);
    const std::optional<Vital> which = vital(entry.key());
    if (!which) return schema_error(place, "no such vital sign.");
    const bool in_tenths = *which == Vital::kTemperature || *which == Vital::kGlucose;
    EPICRISIS_ASSIGN_OR_RETURN(const NumberRange range,
                               number_range(entry.value(), in_tenths ? 10 : 1, place));
    ranges[static_cast<std::size_t>(*which)] = Range{range.low, range.high};
  }
  return ranges;
}

Result<std::vector<Variable>> read_variables(const Json& object, std::string_view where) {
  std::vector<Variable> variables;
  EPICRISIS_ASSIGN_OR_RETURN(const Json values, member(object, "vars", Json::value_t::object, where, false));
  if (values.is_null()) return variables;
  for (const auto& entry : values.items()) {
    const bool number = entry.value().is_string();
    EPICRISIS_ASSIGN_OR_RETURN(
        const std::vector<std::string> rows,
        number ? Result<std::vector<std::string>>(std::vector{entry.value().get<std::string>()})
               : text_list(values, entry.key(), where));
    Result<Variable> variable =
        number ? parse_number(entry.key(), rows.front()) : parse_rows(entry.key(), rows);
    if (!variable) return at(fmt::format("{}: variable '{}'", where, entry.key()), variable.error());
    variables.push_back(*std::move(variable));
  }
  return variables;
}

Result<Range> read_age(const Json& object, std::string_view where) {
  const bool months = object.contains("months");
  EPICRISIS_ASSIGN_OR_RETURN(const Json age,
                             member(object, months ? "months" : "age", Json::value_t::array, where));
  EPICRISIS_ASSIGN_OR_RETURN(const NumberRange range,
                             number_range(age, months ? 1 : 12, fmt::format("{}: 'age'", where)));
  return Range{range.low, months ? range.high : range.high + 11};
}

Result<void> read_flags(const Json& object, Presentation& presentation, std::string_view where) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::string flags, text_member(object, "flags", where, false));
  std::string_view rest = flags;
  while (!rest.empty()) {
    const std::string_view flag = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(flag.size() + 1, rest.size()));
    if (flag.starts_with('-')) {
      presentation.off_flags.emplace(flag.substr(1));
    } else if (!flag.empty()) {
      presentation.flags.emplace(flag);
    }
  }
  return {};
}

Result<Presentation> read_presentation(const Json& object, std::string_view file) {
  Presentation presentation;
  EPICRISIS_ASSIGN_OR_RETURN(presentation.id, text_member(object, "id", file));
  const std::string where = fmt::format("{}: {}", file, presentation.id);
  EPICRISIS_RETURN_IF_ERROR(
      only_keys(object, {"id",      "source", "heldout", "notes",   "age",    "months", "sex",      "flags",
                         "oxygen",  "vars",   "vitals",  "alerts",  "reason", "dx",     "findings", "denies",
                         "history", "meds",   "done",    "pending", "plan",   "good",   "poor"},
                where));
  EPICRISIS_ASSIGN_OR_RETURN(presentation.source, text_member(object, "source", where));
  EPICRISIS_ASSIGN_OR_RETURN(presentation.held_out, json_value(object, "heldout", false, where));
  EPICRISIS_ASSIGN_OR_RETURN(presentation.note_types, text_list(object, "notes", where));
  EPICRISIS_ASSIGN_OR_RETURN(presentation.age_months, read_age(object, where));
  EPICRISIS_ASSIGN_OR_RETURN(const std::string sex, text_member(object, "sex", where, false));
  if (!sex.empty() && sex != "f" && sex != "m") return schema_error(where, "'sex' must be \"f\" or \"m\".");
  presentation.sex = sex == "f" ? Sex::kFemale : sex == "m" ? Sex::kMale : Sex::kAny;
  EPICRISIS_RETURN_IF_ERROR(read_flags(object, presentation, where));
  EPICRISIS_ASSIGN_OR_RETURN(presentation.oxygen, text_member(object, "oxygen", where, false));
  EPICRISIS_ASSIGN_OR_RETURN(presentation.variables, read_variables(object, where));
  EPICRISIS_ASSIGN_OR_RETURN(presentation.vitals, read_vitals(object, "vitals", where));
  EPICRISIS_ASSIGN_OR_RETURN(presentation.alerts, read_vitals(object, "alerts", where));
  for (const FactKind kind :
       {FactKind::kReason, FactKind::kDiagnosis, FactKind::kFinding, FactKind::kDenied, FactKind::kHistory,
        FactKind::kMedication, FactKind::kDone, FactKind::kPending, FactKind::kPlan}) {
    const ItemParser parse = kind == FactKind::kHistory ? parse_history : parse_item;
    EPICRISIS_ASSIGN_OR_RETURN(presentation.items[static_cast<std::size_t>(kind)],
                               read_items(object, to_string(kind), parse, where));
  }
  EPICRISIS_ASSIGN_OR_RETURN(presentation.good, read_items(object, "good", parse_item, where));
  EPICRISIS_ASSIGN_OR_RETURN(presentation.poor, read_items(object, "poor", parse_item, where));
  if (presentation.items[static_cast<std::size_t>(FactKind::kReason)].empty()) {
    return schema_error(where, "'reason' is missing.");
  }
  if (presentation.note_types.empty()) return schema_error(where, "'notes' is missing.");
  return presentation;
}

Result<NoteType> read_note_type(const std::string& name, const Json& object, std::string_view file) {
  const std::string where = fmt::format("{}: note type '{}'", file, name);
  NoteType type;
  type.name = name;
  for (const auto& entry : object.items()) {
    const std::string place = fmt::format("{}: '{}'", where, entry.key());
    if (entry.key() == "later" || entry.key() == "response") {
      EPICRISIS_ASSIGN_OR_RETURN(const int percent, json_value(object, entry.key(), 0, where));
      (entry.key() == "later" ? type.later_percent : type.response_percent) = percent;
      continue;
    }
    EPICRISIS_ASSIGN_OR_RETURN(const NumberRange range, number_range(entry.value(), 1, place));
    if (entry.key() == "gap") {
      type.gap_minutes = {range.low, range.high};
    } else if (const auto kind = fact_kind(entry.key())) {
      type.counts[static_cast<std::size_t>(*kind)] = {range.low, range.high};
    } else {
      return schema_error(place, "no such kind of fact.");
    }
  }
  return type;
}

Result<void> read_oxygen_and_allergies(const Json& object, Content& content, std::string_view file) {
  EPICRISIS_ASSIGN_OR_RETURN(const Json oxygen, member(object, "oxygen", Json::value_t::object, file));
  for (const auto& table : oxygen.items()) {
    const std::string where = fmt::format("{}: oxygen '{}'", file, table.key());
    std::vector<OxygenStep>& steps = content.oxygen[table.key()];
    for (const Json& row : table.value()) {
      OxygenStep step;
      EPICRISIS_ASSIGN_OR_RETURN(step.below_percent, json_value(row, "below", 0, where));
      EPICRISIS_ASSIGN_OR_RETURN(const std::string device, text_member(row, "device", where));
      EPICRISIS_ASSIGN_OR_RETURN(step.device, Template::parse(device));
      steps.push_back(std::move(step));
    }
  }
  EPICRISIS_ASSIGN_OR_RETURN(const Json allergies, member(object, "allergies", Json::value_t::array, file));
  for (const Json& row : allergies) {
    Allergy allergy;
    const std::string where = fmt::format("{}: allergies", file);
    EPICRISIS_ASSIGN_OR_RETURN(const std::string text, text_member(row, "text", where));
    EPICRISIS_ASSIGN_OR_RETURN(allergy.text, Template::parse(text));
    EPICRISIS_ASSIGN_OR_RETURN(allergy.drugs, text_list(row, "drugs", where));
    EPICRISIS_ASSIGN_OR_RETURN(allergy.weight, json_value(row, "weight", 1, where));
    content.allergies.push_back(std::move(allergy));
  }
  return {};
}

Result<void> read_policy(const Json& object, SummaryPolicy& policy, std::string_view file) {
  EPICRISIS_ASSIGN_OR_RETURN(const Json values, member(object, "summary", Json::value_t::object, file));
  const std::string where = fmt::format("{}: summary", file);
  EPICRISIS_ASSIGN_OR_RETURN(policy.findings, json_value(values, "findings", policy.findings, where));
  EPICRISIS_ASSIGN_OR_RETURN(policy.vitals, json_value(values, "vitals", policy.vitals, where));
  EPICRISIS_ASSIGN_OR_RETURN(policy.done, json_value(values, "done", policy.done, where));
  EPICRISIS_ASSIGN_OR_RETURN(policy.pending, json_value(values, "pending", policy.pending, where));
  EPICRISIS_ASSIGN_OR_RETURN(policy.max_words, json_value(values, "max_words", policy.max_words, where));
  return {};
}

Result<void> read_clinical(const fs::path& path, Content& content) {
  EPICRISIS_ASSIGN_OR_RETURN(const Json object, read_json_file(path));
  const std::string file = path.string();
  EPICRISIS_ASSIGN_OR_RETURN(const Json types, member(object, "note_types", Json::value_t::object, file));
  for (const auto& entry : types.items()) {
    EPICRISIS_ASSIGN_OR_RETURN(NoteType type, read_note_type(entry.key(), entry.value(), file));
    content.note_types.push_back(std::move(type));
  }
  EPICRISIS_ASSIGN_OR_RETURN(const Json bands, member(object, "age_bands", Json::value_t::array, file));
  for (const Json& row : bands) {
    AgeBand band;
    EPICRISIS_ASSIGN_OR_RETURN(band.below_months, json_value(row, "below_months", 0, file));
    EPICRISIS_ASSIGN_OR_RETURN(band.normal, read_vitals(row, "normal", file));
    EPICRISIS_ASSIGN_OR_RETURN(band.alert, read_vitals(row, "alert", file));
    content.age_bands.push_back(band);
  }
  EPICRISIS_RETURN_IF_ERROR(read_oxygen_and_allergies(object, content, file));
  EPICRISIS_ASSIGN_OR_RETURN(content.comorbidities, read_items(object, "comorbidities", parse_history, file));
  EPICRISIS_ASSIGN_OR_RETURN(content.care, read_items(object, "care", parse_item, file));
  EPICRISIS_ASSIGN_OR_RETURN(const std::vector<std::string> systems, text_list(object, "systems", file));
  content.systems.insert(systems.begin(), systems.end());
  EPICRISIS_ASSIGN_OR_RETURN(const std::vector<std::string> flags, text_list(object, "flags", file));
  content.flags.insert(flags.begin(), flags.end());
  return read_policy(object, content.policy, file);
}

Result<Production> read_production(const Json& value, std::string_view where) {
  if (value.is_string()) {
    Result<Production> production = parse_production(value.get_ref<const std::string&>());
    if (!production) return at(where, production.error());
    return production;
  }
  EPICRISIS_RETURN_IF_ERROR(only_keys(value, {"any_order", "if", "weight", "separator"}, where));
  EPICRISIS_ASSIGN_OR_RETURN(const std::vector<std::string> segments, text_list(value, "any_order", where));
  if (segments.empty()) return schema_error(where, "'any_order' is missing or empty.");
  EPICRISIS_ASSIGN_OR_RETURN(const std::string conditions, text_member(value, "if", where, false));
  Production production;
  const std::string marked = conditions.empty() ? "" : "@" + conditions;
  std::string_view rest = marked;
  EPICRISIS_ASSIGN_OR_RETURN(production.conditions, take_conditions(rest));
  EPICRISIS_ASSIGN_OR_RETURN(production.weight, json_value(value, "weight", 1, where));
  EPICRISIS_ASSIGN_OR_RETURN(production.separator, json_value(value, "separator", std::string(" "), where));
  for (const std::string& segment : segments) {
    Result<Template> parsed = Template::parse(segment);
    if (!parsed) return at(where, parsed.error());
    production.segments.push_back(*std::move(parsed));
  }
  return production;
}

Result<void> read_grammar(const fs::path& path, Content& content) {
  EPICRISIS_ASSIGN_OR_RETURN(const Json object, read_json_file(path));
  const std::string file = path.string();
  EPICRISIS_ASSIGN_OR_RETURN(const Json rules, member(object, "rules", Json::value_t::object, file));
  for (const auto& entry : rules.items()) {
    const std::string where = fmt::format("{}: rule '{}'", file, entry.key());
    if (!entry.value().is_array() || entry.value().empty()) return schema_error(where, "must be a list.");
    for (const Json& value : entry.value()) {
      EPICRISIS_ASSIGN_OR_RETURN(Production production, read_production(value, where));
      content.rules[entry.key()].push_back(std::move(production));
    }
  }
  EPICRISIS_ASSIGN_OR_RETURN(const std::vector<std::string> memo, text_list(object, "memo", file));
  content.memo_rules.insert(memo.begin(), memo.end());
  return {};
}

Result<PhraseMap> read_phrases(const Json& object, std::string_view key, std::string_view file) {
  PhraseMap phrases;
  EPICRISIS_ASSIGN_OR_RETURN(const Json entries, member(object, key, Json::value_t::object, file));
  for (const auto& entry : entries.items()) {
    if (entry.value().is_string()) {
      phrases[entry.key()] = {entry.value().get<std::string>()};
      continue;
    }
    EPICRISIS_ASSIGN_OR_RETURN(phrases[entry.key()],
                               text_list(entries, entry.key(), fmt::format("{}: {}", file, key)));
    if (phrases[entry.key()].empty()) {
      return schema_error(file, fmt::format("'{}' of '{}' is empty.", entry.key(), key));
    }
  }
  return phrases;
}

Result<void> read_lexicon(const fs::path& path, Content& content) {
  EPICRISIS_ASSIGN_OR_RETURN(const Json object, read_json_file(path));
  const std::string file = path.string();
  EPICRISIS_ASSIGN_OR_RETURN(content.us_words, read_phrases(object, "us", file));
  EPICRISIS_ASSIGN_OR_RETURN(content.shorthand, read_phrases(object, "shorthand", file));
  EPICRISIS_ASSIGN_OR_RETURN(const std::vector<std::string> fixed, text_list(object, "never_mistyped", file));
  content.never_mistyped.insert(fixed.begin(), fixed.end());
  return {};
}

Result<void> read_presentations(const fs::path& folder, Content& content) {
  std::vector<fs::path> files;
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(folder, failure)) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  if (files.empty()) {
    return Error{ErrorCode::kNotFound, fmt::format("No presentations (*.json) in '{}'.", folder.string()),
                 ""};
  }
  std::sort(files.begin(), files.end());
  std::set<std::string> ids;
  for (const fs::path& path : files) {
    EPICRISIS_ASSIGN_OR_RETURN(const Json list, read_json_file(path));
    if (!list.is_array()) return schema_error(path.string(), "must be a list of presentations.");
    for (const Json& object : list) {
      EPICRISIS_ASSIGN_OR_RETURN(Presentation presentation, read_presentation(object, path.string()));
      if (!ids.insert(presentation.id).second) {
        return schema_error(path.string(), fmt::format("presentation '{}' is there twice.", presentation.id));
      }
      content.presentations.push_back(std::move(presentation));
    }
  }
  return {};
}

}  // namespace

Result<Content> read_content(const fs::path& folder) {
  Content content;
  EPICRISIS_RETURN_IF_ERROR(read_clinical(folder / "clinical.json", content));
  EPICRISIS_RETURN_IF_ERROR(read_lexicon(folder / "lexicon.json", content));
  EPICRISIS_RETURN_IF_ERROR(read_grammar(folder / "grammar.json", content));
  EPICRISIS_RETURN_IF_ERROR(read_presentations(folder / "presentations", content));
  EPICRISIS_RETURN_IF_ERROR(check_content(content));
  hold_out_productions(content.rules);
  return content;
}

Result<fs::path> find_content_folder() {
  const auto usable = [](const fs::path& folder) {
    std::error_code failure;
    return fs::exists(folder / "grammar.json", failure);
  };
  if (const char* named = std::getenv("EPICRISIS_SYNTH_DATA"); named != nullptr && *named != '\0') {
    if (usable(named)) return fs::path(named);
    return Error{ErrorCode::kNotFound,
                 fmt::format("EPICRISIS_SYNTH_DATA names '{}', which has no grammar.json.", named), ""};
  }
  std::error_code failure;
  const fs::path program = fs::read_symlink("/proc/self/exe", failure).parent_path();
  if (const fs::path installed = program.parent_path() / "share/epicrisis/synth"; usable(installed)) {
    return installed;
  }
  for (fs::path above = program; above.has_relative_path(); above = above.parent_path()) {
    if (usable(above / "data/synth")) return above / "data/synth";
  }
  if (usable("data/synth")) return fs::path("data/synth");
  return Error{
      ErrorCode::kNotFound,
      "The data of synthetic notes was not found; name its folder with --data or EPICRISIS_SYNTH_DATA.", ""};
}

}  // namespace epicrisis::synth
