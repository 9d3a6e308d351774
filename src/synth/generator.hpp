#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "synth/content.hpp"
#include "synth/note_writer.hpp"
#include "synth/realiser.hpp"

namespace epicrisis::synth {

/// Which notes to make: from what may be trained on, from what is held out, or about 85 to 15 of both.
enum class Split { kTrain, kHeldOut, kAll };

struct GeneratorOptions {
  std::uint64_t seed = 0;
  Split split = Split::kTrain;
  int typos_per_million = 15'000;  ///< Chance that an ordinary word of the note is mistyped.
};

/// A note, its summary and what is true in it. Made up: describes no person.
struct SyntheticNote {
  std::string id;  ///< "synth-<seed>-<index>".
  std::string note;
  std::string summary;
  std::string presentation;
  std::string note_type;
  std::string split;     ///< "train" or "heldout".
  std::string held_out;  ///< What of it is held out: "none", "presentation", "productions" or "both".
  std::string facts;     ///< JSON; docs/formats/synth.md.
  TypoCount typos;
  std::size_t held_out_productions = 0;  ///< How often a held-out production was used.
};

/// Makes notes. Immutable once made, so generate() may be called from several threads.
class Generator {
 public:
  Generator(Content content, GeneratorOptions options);

  /// Note `index`; the same content, options and index give the same bytes everywhere.
  SyntheticNote generate(std::uint64_t index) const;

  const Content& content() const noexcept { return content_; }

 private:
  const Presentation& draw_presentation(bool held_out, Random& random) const;

  Content content_;
  GeneratorOptions options_;
  PhraseReplacer us_words_;
  PhraseReplacer shorthand_;
};

/// The header of the CSV and one record, CRLF included (RFC 4180).
std::string csv_header();
std::string csv_record(const SyntheticNote& note);

}  // namespace epicrisis::synth
