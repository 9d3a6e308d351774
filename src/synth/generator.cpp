#include "synth/generator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/check.hpp"
#include "synth/detail/facts_json.hpp"

namespace epicrisis::synth {
namespace {

constexpr int kHeldOutPercentOfAll = 15;
constexpr int kCapitalisePercent = 88;
constexpr int kAllCapitalsPercent = 2;
constexpr std::array<int, 4> kShorthandPercents = {15, 50, 80, 97};

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace

Generator::Generator(Content content, GeneratorOptions options)
    : content_(std::move(content)),
      options_(options),
      us_words_(content_.us_words),
      shorthand_(content_.shorthand) {}

const Presentation& Generator::draw_presentation(bool held_out, Random& random) const {
  std::vector<const Presentation*> open;
  for (const Presentation& presentation : content_.presentations) {
    if (presentation.held_out == held_out) open.push_back(&presentation);
  }
  EPICRISIS_CHECK(!open.empty());
  return *open[random.below(open.size())];
}

SyntheticNote Generator::generate(std::uint64_t index) const {
  Random random = Random::for_item(options_.seed, index);
  Random typing(random.next());  // a stream of its own: the typo rate changes nothing else
  const bool held_out_note = options_.split == Split::kHeldOut ||
                             (options_.split == Split::kAll && random.chance(kHeldOutPercentOfAll));
  // Held-out notes: a third each with a held-out presentation, held-out productions, and both.
  const std::size_t stratum = held_out_note ? 1 + random.below(3) : 0;
  static constexpr std::array<std::string_view, 4> kStrata = {"none", "presentation", "productions", "both"};
  const bool new_presentation = stratum == 1 || stratum == 3;
  const Productions productions = stratum >= 2 ? Productions::kHeldOut : Productions::kTrain;

  const Presentation& presentation = draw_presentation(new_presentation, random);
  const std::string& type_name = presentation.note_types[random.below(presentation.note_types.size())];
  const NoteType& type = *content_.note_type(type_name);
  const Scenario scenario = sample_scenario(content_, presentation, type, random);
  NoteWriter writer(content_, scenario, productions, random);

  SyntheticNote result;
  PhraseReplacer::Chosen us_choice;
  PhraseReplacer::Chosen shorthand_choice;
  const int shorthand_percent = kShorthandPercents[random.below(kShorthandPercents.size())];
  std::string note = writer.write();
  if (scenario.us) note = us_words_.replace(note, 100, us_choice, random);
  note = tidy(shorthand_.replace(note, shorthand_percent, shorthand_choice, random));
  if (random.chance(kCapitalisePercent)) note = capitalise(note);
  note = mistype(note, options_.typos_per_million, content_.never_mistyped, typing, result.typos);
  if (random.chance(kAllCapitalsPercent)) {
    std::transform(note.begin(), note.end(), note.begin(),
                   [](unsigned char c) { return static_cast<char>(c < 0x80 ? std::toupper(c) : c); });
  }
  std::string summary = writer.summarise();
  if (scenario.us) summary = us_words_.replace(summary, 100, us_choice, random);
  summary = capitalise(tidy(shorthand_.replace(summary, 100, shorthand_choice, random)));
  while (summary.ends_with('.')) summary.pop_back();

  const std::vector<FactSpan> in_note = take_marks(note);
  const std::vector<FactSpan> in_summary = take_marks(summary);
  result.id = fmt::format("synth-{}-{}", options_.seed, index);
  result.presentation = presentation.id;
  result.note_type = type.name;
  result.split = held_out_note ? "heldout" : "train";
  result.held_out = kStrata[stratum];
  result.facts = detail::facts_json(scenario, {note, summary, in_note, in_summary, result.typos.typos});
  result.held_out_productions = writer.held_out_productions();
  result.note = std::move(note);
  result.summary = std::move(summary);
  return result;
}

std::string csv_header() { return "note,summary,facts,id,presentation,note_type,split,held_out\r\n"; }

std::string csv_record(const SyntheticNote& note) {
  return fmt::format("{},{},{},{},{},{},{},{}\r\n", csv_field(note.note), csv_field(note.summary),
                     csv_field(note.facts), csv_field(note.id), csv_field(note.presentation),
                     csv_field(note.note_type), note.split, note.held_out);
}

}  // namespace epicrisis::synth
