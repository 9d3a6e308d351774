#pragma once

#include <filesystem>

#include "base/result.hpp"
#include "synth/content.hpp"

namespace epicrisis::synth {

/// Reads grammar.json, lexicon.json, clinical.json and presentations/*.json below `folder`, in the order of
/// their names, checks every slot and condition they use, and holds out a third of the productions.
/// Errors: kNotFound for a missing file, kCorrupt naming the file, the entry and what is wrong there.
Result<Content> read_content(const std::filesystem::path& folder);

/// The data folder: EPICRISIS_SYNTH_DATA if set, else share/epicrisis/synth beside the program's bin folder,
/// else data/synth in a folder above the program (a build tree) or the working folder. Errors: kNotFound.
Result<std::filesystem::path> find_content_folder();

}  // namespace epicrisis::synth
